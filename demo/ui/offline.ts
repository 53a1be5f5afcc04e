// Lets a built site open again without a network. Without it, and where service workers are not allowed, all works but that.
export function keepForOffline(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  navigator.serviceWorker.register(new URL("./sw.js", document.baseURI)).catch(() => {
    // Private windows and some settings forbid it.
  });
}
