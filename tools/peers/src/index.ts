export { startAzurite, type Azurite } from './azurite.ts';
export { startRadosgw, whyNoRadosgw, type Radosgw, type RadosgwOptions } from './radosgw.ts';
