import type { Lists } from './lists.ts';

/** Everything that is known when a run is over. */
export interface Aftermath {
  /** The names that the platform has delivered. */
  readonly sent: ReadonlySet<string>;
  /** The names that the platform still holds, as nobody took them. */
  readonly waiting: ReadonlySet<string>;
  /** The names that OMS has accepted. */
  readonly received: ReadonlySet<string>;
  readonly lists: Lists;
}

/** What must not be, with the names that it is about. */
export interface Finding {
  readonly problem: string;
  readonly names: readonly string[];
}

/** Compares what was sent with what there is: everything sent = requested ∪ failed list, and nothing else. */
export function findProblems({ sent, waiting, received, lists }: Aftermath): Finding[] {
  const { requested, failed } = lists;
  const known = new Set([...received, ...requested, ...failed.keys()]);
  const findings: Finding[] = [
    {
      problem: 'lost: acknowledged, and neither requested nor on the failed list',
      names: [...sent].filter((name) => !waiting.has(name) && !requested.has(name) && !failed.has(name)),
    },
    {
      problem: 'on the success list, but OMS never got it',
      names: [...requested].filter((name) => !received.has(name)),
    },
    {
      problem: 'requested or on a list, but never sent',
      names: [...known].filter((name) => !sent.has(name)),
    },
    { problem: 'still with the platform, though nothing was in the way any more', names: [...waiting] },
  ];
  return findings.filter(({ names }) => names.length > 0);
}
