import { expect } from "vitest";
import { findAxeFindings } from "./axe-findings.ts";
import { type Dashboard, type DashboardPage, openAdminPage } from "./dashboard.ts";

/** Holds a page against axe and against its width, and leaves a picture of it. */
export async function lookAtPage({ page, takeScreenshot }: DashboardPage, name: string): Promise<void> {
  await takeScreenshot(name);
  expect([name, await findAxeFindings(page)]).toEqual([name, []]);
  const width = page.viewportSize()?.width;
  expect([name, await page.evaluate("document.documentElement.scrollWidth")]).toEqual([name, width]);
}

/** A narrow page is looked at always, a wide one in the full tier. */
const sizes = [
  { width: 360, height: 740 },
  ...(process.env.TEST_TIER === "full" ? [{ width: 1440, height: 900 }] : []),
];

/** Looks at pages of an admin in the dark. */
export async function lookInTheDark(
  dashboard: Dashboard,
  views: Readonly<Record<string, (page: DashboardPage["page"]) => Promise<void>>>,
): Promise<void> {
  for (const size of sizes) {
    const dark = await openAdminPage(dashboard, { ...size, isDark: true });
    for (const [name, open] of Object.entries(views)) {
      await open(dark.page);
      await lookAtPage(dark, `${name}-dark-${size.width}`);
    }
    expect(dark.complaints).toEqual([]);
    await dark.context.close();
  }
}
