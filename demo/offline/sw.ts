// Caches the page for use without a network: its files at the first visit, larger data at first use. Online, pages and data
// come from the network, so that visitors always get the latest version.
declare const __FILES__: readonly string[];
declare const __VERSION__: string;

/** The part of a service worker's scope that is used here; the types of a page lack it. */
interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface ServiceScope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
}
const scope = globalThis as unknown as ServiceScope;

/** Prefix of this page's caches; other pages of the same origin have others. */
const PREFIX = `espalier-demo ${scope.registration.scope} `;
const NAME = PREFIX + __VERSION__;

scope.addEventListener("install", (event) => {
  const fill = async () => {
    const cache = await caches.open(NAME);
    // Bypass the browser's cache, which may have an older version.
    await cache.addAll(
      __FILES__.map((file) => new Request(new URL(file, scope.registration.scope), { cache: "reload" })),
    );
    await scope.skipWaiting();
  };
  event.waitUntil(fill());
});

scope.addEventListener("activate", (event) => {
  const clear = async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
    await Promise.all(old.map((name) => caches.delete(name)));
    await scope.clients.claim();
  };
  event.waitUntil(clear());
});

/** Return true for files under assets/: their names have a hash, so they never change. */
const isFixed = (url: string) => url.startsWith(`${scope.registration.scope}assets/`);

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(NAME);
  const cached = () => cache.match(request, { ignoreSearch: true });
  if (isFixed(request.url)) {
    const known = await cached();
    if (known) return known;
  }
  try {
    const response = await fetch(request);
    if (response.status === 200) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const known = await cached();
    if (known) return known;
    throw error;
  }
}

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(scope.registration.scope)) return;
  event.respondWith(answer(request));
});
