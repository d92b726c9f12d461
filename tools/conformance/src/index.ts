export { startAzuriteOfTests, startListStore, type ListStore, type ListStoreOptions } from './list-store.ts';
export { Scene } from './scene.ts';
