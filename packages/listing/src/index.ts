export * from './name-order.ts';
export * from './object-source.ts';
export * from './stored-object.ts';
