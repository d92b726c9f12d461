export * from './bucket-source.ts';
export * from './comparison.ts';
export * from './folder-source.ts';
export * from './following.ts';
export * from './gap-reasons.ts';
export * from './key-ranges.ts';
export * from './name-order.ts';
export * from './name-sorting.ts';
export * from './object-source.ts';
export * from './stored-object.ts';
export {
  InventoryError,
  inventoryVendors,
  openInventory,
  type Inventory,
  type InventoryVendor,
} from './inventory.ts';
