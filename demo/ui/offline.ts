// Registers the service worker, which opens a built site without a network. The page works without it.
export function keepForOffline(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register(new URL("./sw.js", document.baseURI)).catch(() => {
    // Private windows and some settings forbid it.
  });
}
