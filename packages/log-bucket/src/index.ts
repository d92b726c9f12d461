export * from './object-folder.ts';
export {
  openLogBucket,
  type LogBucketOpener,
  type LogBucketOpeners,
  type LogBucketSettings,
} from './open.ts';
