export * from './name-order.ts';
export * from './stored-object.ts';
