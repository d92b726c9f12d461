export * from './credentials.ts';
export * from './fake-clock.ts';
export * from './names.ts';
export * from './ugly-names.ts';
export * from './memory-log-bucket.ts';
export * from './certificate.ts';
export * from './random.ts';
export * from './installed.ts';
