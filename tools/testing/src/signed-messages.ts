import { createSign } from 'node:crypto';

/** The topics, and where their certificates are. */
export const smnTopic = 'urn:smn:cn-north-4:0a1b2c3d:sync';
export const smnCertificateUrl = 'https://smn.cn-north-4.myhuaweicloud.com/smn/SMN_cn-north-4_0a1b.pem';
export const snsTopic = 'arn:aws:sns:eu-west-1:123456789012:sync';
export const snsCertificateUrl = 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem';

/** The fields of a message. */
export type Fields = Readonly<Record<string, string>>;

function sign(names: readonly string[], fields: Fields, key: string, hash: string): string {
  const signer = createSign(hash);
  for (const name of names) signer.update(`${name}\n${fields[name]}\n`);
  return signer.sign(key, 'base64');
}

/**
 * A message of SMN, signed. A field that is given is signed as it is.
 *
 * @param key of the certificate, PEM.
 */
export function signSmnMessage(given: Fields, key: string): Fields {
  const fields: Fields = {
    type: 'Notification',
    topic_urn: smnTopic,
    message_id: 'd84bd6629ef04513ad2e37bffd6e17cb',
    signature_version: 'v1',
    signing_cert_url: smnCertificateUrl,
    timestamp: new Date().toISOString(),
    ...given,
  };
  const names =
    fields['type'] === 'Notification'
      ? ['message', 'message_id', ...(fields['subject'] ? ['subject'] : []), 'timestamp', 'topic_urn', 'type']
      : ['message', 'message_id', 'subscribe_url', 'timestamp', 'topic_urn', 'type'];
  return { ...fields, signature: sign(names, fields, key, 'sha256') };
}

/** A message of SNS, signed as {@link signSmnMessage} does. */
export function signSnsMessage(given: Fields, key: string): Fields {
  const fields: Fields = {
    Type: 'Notification',
    TopicArn: snsTopic,
    MessageId: '95df01b4-ee98-5cb9-9903-4c221d41eb5e',
    SignatureVersion: '2',
    SigningCertURL: snsCertificateUrl,
    Timestamp: new Date().toISOString(),
    ...given,
  };
  const names =
    fields['Type'] === 'Notification'
      ? ['Message', 'MessageId', ...(fields['Subject'] ? ['Subject'] : []), 'Timestamp', 'TopicArn', 'Type']
      : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  const hash = fields['SignatureVersion'] === '1' ? 'sha1' : 'sha256';
  return { ...fields, Signature: sign(names, fields, key, hash) };
}
