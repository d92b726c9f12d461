import { behaviours, checkNames, type Behaviour } from './behaviours.ts';
import type { Scene } from './scene.ts';

/** What depends on the store of the lists, whatever holds them. */
const ofTheStore = new Set(['refusal', 'replay', 'silent store', 'loop guard', 'secrets']);

/**
 * What every function app must do with its lists in the store of its own cloud: the SDK of that store is in the bundle,
 * and a list there may be an event of the source.
 */
export const ownStoreBehaviours: readonly Behaviour[] = [
  {
    name: 'names',
    meaning: 'any name arrives on the list as it is',
    check: (scene: Scene) => checkNames(scene, [scene.channel], 30),
  },
  ...behaviours.filter(({ name }) => ofTheStore.has(name)),
].map((behaviour) => ({ ...behaviour, name: `${behaviour.name}, own store` }));
