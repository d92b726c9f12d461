export { translateObs, type EventGridKeyEncoding, type ObsOptions } from './obs.ts';
export { isSmnTriggerEvent, translateSmnTrigger } from './smn.ts';
export * from './storage-record.ts';
export { describeValue, getMember, getText } from './json.ts';
