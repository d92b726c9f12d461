/**
 * What a Lambda function gets besides its event; only what is used here.
 * Source: AWS Lambda Developer Guide, "Node.js context object".
 */
export interface LambdaContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}
