import { functiongraph } from '@oms-sync/function-hosts';
import { describePlatform } from './suite.ts';

describePlatform(functiongraph);
