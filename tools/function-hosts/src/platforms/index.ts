import { awsLambda } from './aws-lambda.ts';
import { azureFunctions } from './azure-functions.ts';
import { functiongraph } from './functiongraph.ts';
import { gcf } from './gcf.ts';

/** Every platform that there is an app for. */
export const platforms = [functiongraph, awsLambda, azureFunctions, gcf];
