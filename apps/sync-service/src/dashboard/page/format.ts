const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export function formatCount(count: number): string {
  return whole.format(count);
}

/** `1 message`, `2 messages`. */
export function formatNumberOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

export function formatNumber(value: number): string {
  return (Math.abs(value) >= 100 ? whole : fine).format(value);
}

export function formatSeconds(seconds: number): string {
  if (seconds < 1) return `${whole.format(seconds * 1000)} ms`;
  if (seconds < 120) return `${fine.format(seconds)} s`;
  if (seconds < 7200) return `${whole.format(seconds / 60)} min`;
  return `${fine.format(seconds / 3600)} h`;
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${fine.format(bytes / 1024 ** power)} ${units[power] ?? ''}`;
}

/** @param time in milliseconds since 1970. */
export function formatClock(time: number): string {
  return new Date(time).toLocaleTimeString('en-GB');
}

export function formatTime(time: number): string {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? formatClock(time) : `${date.toLocaleDateString('en-CA')} ${formatClock(time)}`;
}
