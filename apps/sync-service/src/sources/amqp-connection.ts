import { connect, type ChannelModel } from 'amqplib';
import { withTimeLimit, type Clock, type Secret } from '@oms-sync/core';

export interface AmqpAddress {
  readonly url: Secret;
  /** What the broker's own tools show for the connection. */
  readonly name: string;
  readonly clock: Clock;
}

/** A broker that starts may take connections and answer nothing; nor does a quorum queue without a leader. */
const openWithinMs = 15_000;

/**
 * Connects, and makes of the connection what `open` makes of it. With heartbeats: a broker that is gone without a word is
 * noticed in 30 seconds.
 *
 * @throws {Error} when that fails, or takes longer than 15 seconds; the connection is closed then.
 */
export async function openAmqp<Opened>(
  { url, name, clock }: AmqpAddress,
  open: (connection: ChannelModel) => Promise<Opened>,
): Promise<Opened> {
  let connection: ChannelModel | undefined;
  let isLate = false;
  const opening = async () => {
    connection = await connectAmqp(url, name);
    connection.on('error', () => undefined); // `close` follows.
    if (isLate) void closeAmqp(connection);
    return open(connection);
  };
  try {
    return await withTimeLimit(opening(), openWithinMs, clock);
  } catch (error) {
    isLate = true;
    if (connection !== undefined) void closeAmqp(connection);
    throw error;
  }
}

/**
 * Closes a connection. Resolves when it is gone, also when the broker went first; a broker that says nothing is waited for
 * until heartbeats tell.
 */
export async function closeAmqp(connection: ChannelModel): Promise<void> {
  // The answer to `close` alone would be waited for for ever where the connection breaks instead.
  const gone = new Promise<void>((resolve) => {
    connection.once('close', () => resolve());
  });
  await Promise.race([gone, connection.close().catch(() => undefined)]); // It is an error if it is closed already.
}

function connectAmqp(url: Secret, name: string): Promise<ChannelModel> {
  const address = new URL(url.reveal());
  if (!address.searchParams.has('heartbeat')) address.searchParams.set('heartbeat', '10');
  return connect(address.href, {
    timeout: openWithinMs,
    noDelay: true,
    clientProperties: { connection_name: name },
  });
}
