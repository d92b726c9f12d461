/** What else stands in the names: each must come through unchanged. */
const ugly = ['', ' a b', '+ü', '%2F', '\'"', '数据', '🙂', '\u0301', '//', '.', '?&#'];

/** The name of an object by its number. */
export function makeName(number: number): string {
  return `soak/${number}/${ugly[number % ugly.length] ?? ''}`;
}

/** Numbers from 0 up to before the limit, one at each call. */
export function countUp(limit: number): () => number | undefined {
  let next = 0;
  return () => (next < limit ? next++ : undefined);
}

/** The number that is in a name, or undefined if it is not one of ours, letter by letter. */
export function readNumber(name: string): number | undefined {
  const number = Number(/^soak\/(\d+)\//.exec(name)?.[1]);
  return makeName(number) === name ? number : undefined;
}

/** The event that MinIO sends of that object. */
export function formatEvent(number: number): string {
  const key = encodeURIComponent(makeName(number));
  return `{"EventName":"s3:ObjectCreated:Put","Key":"source/${key}","Records":[{"eventVersion":"2.0","eventSource":"minio:s3","awsRegion":"","eventTime":"2026-01-02T03:04:05.678Z","eventName":"s3:ObjectCreated:Put","userIdentity":{"principalId":"load"},"requestParameters":{"principalId":"load","region":"","sourceIPAddress":"127.0.0.1"},"responseElements":{"x-amz-request-id":"${number}"},"s3":{"s3SchemaVersion":"1.0","configurationId":"Config","bucket":{"name":"source","ownerIdentity":{"principalId":"load"},"arn":"arn:aws:s3:::source"},"object":{"key":"${key}","size":1,"eTag":"68b329da9893e34099c7d8ad5cb9c940","contentType":"application/octet-stream","userMetadata":{"content-type":"application/octet-stream"},"sequencer":"17A"}},"source":{"host":"127.0.0.1","port":"","userAgent":"MinIO"}}]}`;
}
