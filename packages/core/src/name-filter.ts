import type { NameFilter } from './settings.ts';

/** Is the object with this (decoded) name to be synchronized? */
export function selectName(filter: NameFilter, name: string): boolean {
  const { includePrefix, excludePrefix, includeSuffix, excludeSuffix } = filter;
  return (
    (includePrefix.length === 0 || includePrefix.some((prefix) => name.startsWith(prefix))) &&
    (includeSuffix.length === 0 || includeSuffix.some((suffix) => name.endsWith(suffix))) &&
    !excludePrefix.some((prefix) => name.startsWith(prefix)) &&
    !excludeSuffix.some((suffix) => name.endsWith(suffix))
  );
}

/** May any name in this folder be synchronized? Suffixes say nothing about that. */
export function selectFolder({ includePrefix, excludePrefix }: NameFilter, folder: string): boolean {
  const beginning = `${folder}/`;
  return (
    (includePrefix.length === 0 ||
      includePrefix.some((prefix) => beginning.startsWith(prefix) || prefix.startsWith(beginning))) &&
    !excludePrefix.some((prefix) => beginning.startsWith(prefix))
  );
}
