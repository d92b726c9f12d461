import type { Fault } from './faults.ts';

interface Rule {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
  readonly needed?: true;
}

type Rules = Readonly<Record<string, Rule>>;

const kinds = ['answer', 'slow', 'reset', 'black-hole', 'garbage', 'truncated'] as const;

const text: Rule = { expected: 'a text', fits: (value) => typeof value === 'string' };
const count: Rule = { expected: 'a whole number from 0', fits: isCount };

const scopeRules: Rules = {
  share: {
    expected: 'a number from 0 to 1',
    fits: (value) => typeof value === 'number' && value >= 0 && value <= 1,
  },
  names: {
    expected: 'an array of one or more object names',
    fits: (value) =>
      Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string'),
  },
  times: count,
  after: count,
  everywhere: { expected: 'true or false', fits: (value) => typeof value === 'boolean' },
};

const rulesOfKind: Readonly<Record<Fault['kind'], Rules>> = {
  answer: {
    status: {
      expected: 'a status from 200 to 599',
      fits: (value) => isCount(value) && value >= 200 && value <= 599,
      needed: true,
    },
    errorCode: text,
    errorMessage: text,
    retryAfter: {
      expected: 'a number of seconds from 0, or the text of the header',
      // Only what node:http lets into a header, or the answer itself would fail.
      fits: (value) =>
        typeof value === 'string'
          ? /^[\x20-\x7e]+$/.test(value)
          : Number.isFinite(value) && Number(value) >= 0,
    },
    body: text,
  },
  slow: {
    delayMs: {
      expected: 'a whole number of milliseconds from 0 to 2147483647',
      // Beyond it, a timer of Node.js fires at once.
      fits: (value) => isCount(value) && value <= 2_147_483_647,
      needed: true,
    },
  },
  reset: {
    when: {
      expected: '"before", "during" or "after"',
      fits: (value) => value === 'before' || value === 'during' || value === 'after',
      needed: true,
    },
  },
  'black-hole': {},
  garbage: {},
  truncated: {},
};

/** Checks an array of faults from outside. Throws a TypeError that names the field and what was expected. */
export function parseFaults(value: unknown): Fault[] {
  if (!Array.isArray(value)) throw new TypeError('expected a JSON array of faults');
  return value.map((fault: unknown, index) => {
    checkFault(fault, `faults[${index}]`);
    // A copy: what the caller does to its own object later changes nothing here.
    return structuredClone(fault);
  });
}

function checkFault(value: unknown, where: string): asserts value is Fault {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${where}: expected an object`);
  }
  const { kind, ...fields }: Record<string, unknown> = { ...value };
  const known = kinds.find((name) => name === kind);
  if (known === undefined) throw new TypeError(`${where}.kind: expected one of ${kinds.join(', ')}`);
  const rules = new Map(Object.entries({ ...scopeRules, ...rulesOfKind[known] }));
  for (const [name, field] of Object.entries(fields)) {
    const rule = rules.get(name);
    if (rule === undefined) {
      throw new TypeError(`${where}.${name}: no such field; known are ${[...rules.keys()].join(', ')}`);
    }
    if (field !== undefined && !rule.fits(field)) {
      throw new TypeError(`${where}.${name}: expected ${rule.expected}, got ${JSON.stringify(field)}`);
    }
  }
  for (const [name, rule] of rules) {
    if (rule.needed === true && fields[name] === undefined) {
      throw new TypeError(`${where}.${name}: expected ${rule.expected}, got nothing`);
    }
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
