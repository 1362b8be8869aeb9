import { waitFor } from '../../hack/lib/wait.ts';
import { patience } from './collection.ts';
import type { Lab } from './lab.ts';

/** Makes a namespace and waits until Pods can be created in it: its service account and its root certificates. */
export async function makeNamespace(lab: Lab, name: string): Promise<void> {
  await lab.api.create('/api/v1/namespaces', { metadata: { name } });
  const url = `/api/v1/namespaces/${name}`;
  await waitFor(`the service account of ${name}`, { timeout: patience }, async () => {
    const [account, certificates] = await Promise.all([
      lab.api.find(`${url}/serviceaccounts/default`),
      lab.api.find(`${url}/configmaps/kube-root-ca.crt`),
    ]);
    return account && certificates;
  });
}

/** Removes a namespace; resolves when its Pods are gone (the namespace itself may take longer). */
export async function removeNamespace(lab: Lab, name: string): Promise<void> {
  await lab.api.remove(`/api/v1/namespaces/${name}`);
  // The namespace controller deletes Pods with their own grace; tests do not want to wait for that.
  await Promise.all(
    lab.pods
      .all(name)
      .map((p) => lab.api.remove(`/api/v1/namespaces/${name}/pods/${p.metadata?.name}`, { gracePeriodSeconds: 1 })),
  );
  await lab.pods.until(`the Pods of ${name} to be gone`, () => lab.pods.all(name).length === 0, 120_000);
}
