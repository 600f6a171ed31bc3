/** What an organiser does on screen, as steps of tests. */
import { expect, type Page } from "@playwright/test";

/** Makes an event on the events page and waits for its set-up. Only the invited may see the media of an invited one. */
export async function makeEvent(page: Page, title: string, access: "open" | "invited" = "open"): Promise<void> {
  await page.getByRole("button", { name: "New event" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill(title);
  await page.locator("#event-open").setChecked(access === "open");
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByRole("heading", { name: title, level: 1 })).toBeVisible();
}

export async function addTitled(page: Page, button: string, title: string): Promise<void> {
  await page.getByRole("button", { name: button }).first().click();
  await page.getByLabel("Title").fill(title);
  await page.getByRole("button", { name: "Create" }).click();
  await expect(page.getByRole("heading", { name: title })).toBeVisible();
}

/** Invites a person from the control room or the set-up; answers with their link. */
export async function invite(page: Page, name: string): Promise<string> {
  await page.getByRole("button", { name: /^Invite/ }).first().click();
  await page.getByRole("dialog").getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("dialog").getByRole("button", { name: "Invite" }).click();
  const link = await page.getByRole("dialog").locator("code").textContent();
  await page.getByRole("dialog").getByRole("button", { name: "Done" }).click();
  expect(link).toContain("/join#invitation=");
  return link ?? "";
}

/** An attendee gives a name and enters. */
export async function enterAs(page: Page, name: string): Promise<void> {
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Enter" }).click();
}
