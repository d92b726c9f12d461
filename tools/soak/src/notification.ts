import { makeName } from './names.ts';

/** What MinIO says when the object of that number was put. */
export function formatNotification(number: number): string {
  const key = encodeURIComponent(makeName(number));
  return `{"EventName":"s3:ObjectCreated:Put","Key":"source/${key}","Records":[{"eventVersion":"2.0","eventSource":"minio:s3","awsRegion":"","eventTime":"2026-01-02T03:04:05.678Z","eventName":"s3:ObjectCreated:Put","userIdentity":{"principalId":"load"},"requestParameters":{"principalId":"load","region":"","sourceIPAddress":"127.0.0.1"},"responseElements":{"x-amz-request-id":"${number}"},"s3":{"s3SchemaVersion":"1.0","configurationId":"Config","bucket":{"name":"source","ownerIdentity":{"principalId":"load"},"arn":"arn:aws:s3:::source"},"object":{"key":"${key}","size":1,"eTag":"68b329da9893e34099c7d8ad5cb9c940","contentType":"application/octet-stream","userMetadata":{"content-type":"application/octet-stream"},"sequencer":"17A"}},"source":{"host":"127.0.0.1","port":"","userAgent":"MinIO"}}]}`;
}
