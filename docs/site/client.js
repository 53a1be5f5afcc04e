// Search, theme, copy buttons and the menu of narrow screens. A classic script, so that the pages also work as files.

{
  const root = document.documentElement;
  const base = root.dataset.base;
  const $ = (selector) => document.querySelector(selector);
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const literal = (word) => word.replaceAll(/[^a-z0-9]/g, "\\$&");

  function addTheme() {
    const systemDark = matchMedia("(prefers-color-scheme: dark)");
    $("button.theme")?.addEventListener("click", () => {
      const { theme } = root.dataset;
      const dark = theme === "dark" || (theme === "os" && systemDark.matches);
      root.dataset.theme = dark ? "light" : "dark";
      localStorage.setItem("espalier-docs-theme", root.dataset.theme);
    });
  }

  function addMenu() {
    const side = $(".side");
    $("button.menu")?.addEventListener("click", ({ currentTarget }) => {
      currentTarget.setAttribute("aria-expanded", String(side.classList.toggle("open")));
    });
    const current = side?.querySelector("[aria-current]");
    if (current && current.offsetTop > side.clientHeight / 2) {
      side.scrollTop = current.offsetTop - side.clientHeight / 3;
    }
  }

  function addCopyButtons() {
    for (const button of document.querySelectorAll("main pre > button")) {
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
        button.textContent = "Copied";
        setTimeout(() => {
          button.textContent = "Copy";
        }, 1500);
      });
    }
  }

  /** Load the data of the search once. */
  let loading;
  function load() {
    loading ??= new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = `${base}assets/search-data.js`;
      script.onload = () => {
        for (const entry of self.ESPALIER_SEARCH) {
          entry.title = `${entry.page} ${entry.heading}`.toLowerCase();
          entry.lower = entry.text.toLowerCase();
        }
        done(self.ESPALIER_SEARCH);
      };
      script.onerror = () => failed(new Error("the search data cannot be read"));
      document.head.append(script);
    });
    return loading;
  }

  /** Return the points of a word in a section: most in titles, then at the start of a word. 0: it is absent. */
  function wordScore(entry, word) {
    const start = new RegExp(`(^|[^a-z0-9])${literal(word)}`);
    if (start.test(entry.title)) return 12;
    if (entry.title.includes(word)) return 5;
    if (start.test(entry.lower)) return 2;
    return entry.lower.includes(word) ? 1 : 0;
  }

  /** Return the points of a section, 0 unless it has every word. */
  function score(entry, words, phrase) {
    const points = words.map((word) => wordScore(entry, word));
    if (points.includes(0)) return 0;
    const page = entry.page.toLowerCase();
    const top = entry.heading === "";
    const parts = [
      [page === phrase, top ? 60 : 20],
      [entry.heading.toLowerCase() === phrase, entry.kind === "interface" ? 15 : 30],
      [page.startsWith(phrase), 10],
      [words.length > 1 && entry.lower.includes(phrase), 8],
      [entry.kind === "guide", 5],
      [entry.kind === "interface" || entry.kind === "type alias", -5],
      [entry.kind === "example", -4],
      [top, 2],
    ];
    const bonus = parts.reduce((sum, [applies, more]) => (applies ? sum + more : sum), 0);
    return points.reduce((sum, each) => sum + each, bonus);
  }

  /** Return the part of a text around the first word found, with the words marked. */
  function excerpt(entry, words) {
    const found = words.map((word) => entry.lower.indexOf(word)).filter((i) => i >= 0);
    const at = found.length === 0 ? 0 : Math.min(...found);
    const from = at > 60 ? entry.lower.indexOf(" ", at - 50) + 1 : 0;
    const text = `${from > 0 ? "… " : ""}${entry.text.slice(from, from + 140)}`;
    const any = new RegExp(words.map(literal).join("|"), "gi");
    return escaped(text).replaceAll(any, (word) => `<mark>${word}</mark>`);
  }

  function row([, entry], words) {
    const title = entry.heading === "" ? entry.page : `${entry.page}: ${entry.heading}`;
    const kind = entry.entry ? `${entry.kind} in ${entry.entry}` : entry.kind;
    const text = `<span class="kind">${kind}</span>${escaped(title)}<small>${excerpt(entry, words)}</small>`;
    return `<li><a href="${base}${entry.url}">${text}</a></li>`;
  }

  const dialog = $("dialog.search");
  const input = dialog?.querySelector("input");
  const list = dialog?.querySelector("ol");
  let chosen = 0;

  function choose(index) {
    const links = [...list.querySelectorAll("a")];
    if (links.length === 0) return;
    chosen = (index + links.length) % links.length;
    for (const [i, link] of links.entries()) link.classList.toggle("chosen", i === chosen);
    links[chosen].scrollIntoView({ block: "nearest" });
  }

  async function search() {
    const phrase = input.value.trim().toLowerCase();
    const words = phrase.split(/\s+/).filter((word) => word !== "");
    const entries = await load();
    const scored = words.length === 0 ? [] : entries.map((entry) => [score(entry, words, phrase), entry]);
    const found = scored.filter(([points]) => points > 0).sort((a, b) => b[0] - a[0]);
    const rows = found.slice(0, 30).map((each) => row(each, words));
    list.innerHTML = rows.join("");
    const count = found.length === 0 ? "Nothing found" : `${found.length} section${found.length > 1 ? "s" : ""}`;
    dialog.querySelector("p").textContent = words.length === 0 ? "" : count;
    choose(0);
  }

  function open(event) {
    event.preventDefault();
    dialog.showModal();
    input.select();
    void load();
  }

  function opens({ key, ctrlKey, metaKey, altKey }) {
    if (dialog.open) return false;
    if (ctrlKey || metaKey) return key === "k";
    return key === "/" && !altKey && !/INPUT|TEXTAREA/.test(document.activeElement.tagName);
  }

  function addSearch() {
    $("button.search-open").addEventListener("click", open);
    input.addEventListener("input", search);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") choose(chosen + 1);
      else if (event.key === "ArrowUp") choose(chosen - 1);
      else if (event.key === "Enter") list.querySelector("a.chosen")?.click();
      else return;
      event.preventDefault();
    });
    list.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", ({ target }) => {
      if (target === dialog) dialog.close();
    });
    addEventListener("keydown", (event) => {
      if (opens(event)) open(event);
    });
  }

  addTheme();
  addMenu();
  addCopyButtons();
  if (dialog) addSearch();
}
