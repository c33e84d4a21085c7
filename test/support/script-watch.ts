import type { BrowserContext, Page } from "playwright-core";

/** What told of a script in a context: dialogs, scripts that ran, and what the policy forbade. */
export interface ScriptWatch {
  findings: string[];
}

/** Watches every page of a context from its first byte on, across pages that are left. For contexts without pages. */
export async function openScriptWatch(context: BrowserContext): Promise<ScriptWatch> {
  const findings: string[] = [];
  context.on("dialog", (dialog) => {
    findings.push(`dialog: ${dialog.message()}`);
    // Its page may be gone by then.
    dialog.dismiss().catch(() => undefined);
  });
  await context.exposeBinding("tellOfScript", (_source, text: string) => void findings.push(text));
  await context.addInitScript(`
    Object.defineProperty(window, "xss", { set() { window.tellOfScript("a script ran"); } });
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) =>
      window.tellOfScript("forbidden: " + violatedDirective + " " + blockedURI + " " + sample));`);
  return { findings };
}

/** Elements and attributes of a page that none of ours has: markup that came out of a text. */
export async function listForeignMarkup(page: Page): Promise<string[]> {
  return await page.evaluate<string[]>(`(() => {
    const own = location.origin + "/";
    const found = [];
    for (const element of document.querySelectorAll("*")) {
      const name = element.localName;
      if (/^(iframe|object|embed|base|video|audio|source|marquee|x-y|meta)$/.test(name)) {
        if (name !== "meta" || element.httpEquiv !== "") found.push(name);
      }
      if (name === "script" && !(element.src || "").startsWith(own)) found.push("script");
      for (const attribute of element.attributes) {
        if (attribute.name.startsWith("on")) found.push(name + " " + attribute.name);
        const address = attribute.value.trim();
        if (/^(href|src|action|formaction|data)$/.test(attribute.name) && /^(javascript|data|vbscript):/i.test(address)) {
          found.push(name + " " + attribute.name);
        }
      }
    }
    return found;
  })()`);
}
