import { awsLambda } from '@oms-sync/function-hosts';
import { describePlatform } from './suite.ts';

describePlatform(awsLambda);
