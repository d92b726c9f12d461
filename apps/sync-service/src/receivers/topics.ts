import type { Parse } from '@oms-sync/core';

/** Names of topics between commas, each of a form. */
export function parseTopics(pattern: RegExp, expected: string): Parse<readonly string[]> {
  return (text) => {
    const topics = text.split(',').map((topic) => topic.trim());
    return topics.every((topic) => pattern.test(topic)) ? { value: topics } : { expected };
  };
}
