import {
  Comparison,
  Follower,
  sortByName,
  type Difference,
  type GapReason,
  type ObjectSource,
  type Pages,
  type StoredObject,
} from '@oms-sync/listing';
import { toGap, type Gap } from './gap.ts';
import { GapSummary } from './gap-summary.ts';
import type { LeftOutReason, Totals } from './totals.ts';

export interface ReconciliationOptions {
  readonly source: ObjectSource;
  readonly destination: ObjectSource;
  readonly prefix: string | undefined;
  /** Source objects that changed before are left out; in milliseconds since 1970. */
  readonly since: number;
  /** What changed later is too fresh to judge. */
  readonly until: number;
  /** Is the name to be synchronized? */
  readonly selects: (name: string) => boolean;
  /** Is it a list of OMS or of ours? */
  readonly isList: (name: string, isAtSource: boolean) => boolean;
  /** What the failed lists say, in the order of names; undefined if they are not to be looked at. */
  readonly reasons: AsyncIterable<readonly GapReason[]> | undefined;
  /** Gets each gap, in the order of names; the comparison waits for it. */
  readonly onGap: (gap: Gap) => Promise<void> | void;
  /** Gets how many objects of both sides have been listed. */
  readonly onProgress: (objects: number) => void;
}

/** What a reconciliation counts. */
export type Reconciliation = Pick<Totals, 'sourceObjects' | 'destinationObjects' | 'counts' | 'leftOut'> & {
  readonly summary: GapSummary;
};

/**
 * Compares a source with its destination, and says of each gap why it is there. In constant memory.
 *
 * @throws whatever a listing or a list throws: there is no result then.
 */
export async function reconcile(options: ReconciliationOptions): Promise<Reconciliation> {
  const { source, destination, prefix, onGap, onProgress } = options;
  const summary = new GapSummary();
  const listed = { source: 0, destination: 0 };
  const list = (side: keyof typeof listed, of: ObjectSource) =>
    inOrder(
      of,
      countObjects(of.list({ prefix }), (count) => {
        listed[side] += count;
        onProgress(listed.source + listed.destination);
      }),
    );
  // The failed lists first: what is requested because of this very comparison is not the reason for it.
  const reasons = new Follower(options.reasons ?? noPages());
  try {
    await reasons.find('');
    const comparison = new Comparison<LeftOutReason>({
      source: list('source', source),
      destination: list('destination', destination),
      leaveOut: chooseObjects(options),
    });
    for await (const differences of comparison.findDifferences()) {
      for (const difference of differences) {
        const isGap = difference.kind !== 'extra';
        const gap = toGap(difference, isGap ? await reasons.find(nameOf(difference)) : undefined);
        summary.add(gap);
        await onGap(gap);
      }
    }
    const { counts, leftOut } = comparison;
    return { sourceObjects: listed.source, destinationObjects: listed.destination, counts, leftOut, summary };
  } finally {
    await reasons.close();
  }
}

function chooseObjects({ since, until, selects, isList }: ReconciliationOptions) {
  return (source?: StoredObject, destination?: StoredObject): LeftOutReason | undefined => {
    const object = source ?? destination;
    if (object === undefined) return undefined;
    if (isList(object.name, source !== undefined)) return 'own';
    if (!selects(object.name)) return 'filtered';
    if (object.modified > until) return 'fresh';
    // Copied since then: it may be of a later change at the source, which was not there yet when that was listed.
    if (source !== undefined && destination !== undefined) {
      if (source.size !== destination.size && destination.modified > until) return 'fresh';
    }
    return object.modified < since ? 'older' : undefined;
  };
}

function nameOf(difference: Difference): string {
  return difference.kind === 'extra' ? difference.destination.name : difference.source.name;
}

/** A name that an unordered listing has twice counts once, as it was last. */
function inOrder({ isOrdered }: ObjectSource, pages: Pages): Pages {
  return isOrdered ? pages : sortByName(pages, { choose: (a, b) => (a.modified >= b.modified ? a : b) });
}

async function* countObjects(pages: Pages, add: (count: number) => void): Pages {
  for await (const page of pages) {
    add(page.length);
    yield page;
  }
}

async function* noPages(): AsyncGenerator<readonly GapReason[]> {
  // Nothing was to be looked at.
}
