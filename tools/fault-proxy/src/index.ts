export { startFaultProxy, type FaultProxy, type FaultProxyOptions } from './proxy.ts';
export type { Direction, NetworkFault } from './faults.ts';
