import type { TokenCredential } from '@azure/identity';

/**
 * The way in of a person at a machine: environment, workload and managed identity, `az login` and the like, as Azure's
 * own tools try them. In a file of its own, since no function needs what it brings along.
 */
export async function loadDefaultCredential(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential();
}
