export * from './bucket-source.ts';
export * from './folder-source.ts';
export * from './key-ranges.ts';
export * from './name-order.ts';
export * from './object-source.ts';
export * from './stored-object.ts';
