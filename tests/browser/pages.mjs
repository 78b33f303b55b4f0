// Opens the dashboard's pages in headless Chromium, wide and narrow, light and dark, with JavaScript and without, and tells
// of each, one JSON object a line, what a person would see. Screenshots go to FOLDER.
// Usage: node pages.mjs ADMIN_URL FOLDER
import { chromium } from 'playwright-core';

const [admin, folder] = process.argv.slice(2);
const live = ['overview', 'force', 'explain'];
const pages = {
  overview: '/', force: '/?service=live&force=cdn-c', explain: '/explain?service=live&client=193.99.144.80&via=dns',
  decisions: '/decisions?service=live&occasion=explained', policy: '/policy?service=live',
};
const sights = [
  { width: 1440, colorScheme: 'light', javaScriptEnabled: true },
  { width: 390, colorScheme: 'dark', javaScriptEnabled: true },
  { width: 1440, colorScheme: 'dark', javaScriptEnabled: false },
  { width: 390, colorScheme: 'light', javaScriptEnabled: false },
];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
// An operator forces a pathway by the page's form, with the script running; the strip then stands on every overview.
{
  const page = await browser.newPage();
  await page.goto(admin + pages.force);
  await page.getByText('Live', { exact: true }).waitFor();
  for (const [name, value] of Object.entries({ country: 'AQ', lasts: '2h', author: 'ana', reason: 'ice on the line' })) {
    await page.locator(`form input[name=${name}]`).fill(value);
  }
  await page.getByRole('button', { name: 'Force', exact: true }).click();
  await page.getByRole('heading', { name: 'Forced by operators' }).waitFor();
  await page.goto(`${admin}${pages.decisions}`);
  pages.decision = await page.locator('tbody a').first().getAttribute('href');
  await page.close();
}
for (const { width, ...sight } of sights) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, ...sight });
  for (const [name, path] of Object.entries(pages)) {
    const errors = [];
    const page = await context.newPage();
    page.on('console', message => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', error => errors.push(String(error)));
    page.on('requestfailed', request => !request.url().endsWith('/events') && errors.push(`${request.url()} failed`));
    await page.goto(admin + path);
    // The others keep no connection: all that a script does to them is done when nothing is loaded any more.
    if (!live.includes(name)) await page.waitForLoadState('networkidle');
    else if (sight.javaScriptEnabled) await page.getByText('Live', { exact: true }).waitFor();
    const script = sight.javaScriptEnabled ? 'script' : 'plain';
    await page.screenshot({ path: `${folder}/${name}-${width}-${sight.colorScheme}-${script}.png`, fullPage: true });
    console.log(JSON.stringify({
      page: `${name} at ${width}, ${sight.colorScheme}, ${script}`,
      errors,
      overflow: (await page.locator('html').evaluate(html => html.scrollWidth)) - width,
      charts: await page.locator('svg[role=img], figure svg, .chart svg').count(),
      tables: await page.locator('table').count(),
      text: await page.locator('main').innerText(),
    }));
    await page.close();
  }
  await context.close();
}
await browser.close();
