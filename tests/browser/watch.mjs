// Watches the demo's page in headless Chromium and tells what happens, one JSON object a line, until stdin closes.
// Usage: node watch.mjs URL RESOLVER_RULES
import { chromium } from 'playwright-core';

const [url, rules] = process.argv.slice(2);
const tell = object => console.log(JSON.stringify(object));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required',
         `--host-resolver-rules=${rules}`],
});
const page = await browser.newPage();
page.on('pageerror', error => tell({ event: 'page-error', text: String(error) }));
await page.goto(url);

let told = 0;
const look = async () => {
  const story = await page.evaluate(() => ({ ...window.story, time: document.getElementById('video').currentTime }));
  if (story.fatal) tell({ event: 'fatal', details: story.fatal });
  for (const segment of story.segments.slice(told)) tell({ event: 'segment', sid: story.sid, time: story.time, ...segment });
  told = story.segments.length;
};
const watching = setInterval(() => look().catch(error => tell({ event: 'page-error', text: String(error) })), 100);
process.stdin.resume();
process.stdin.on('end', async () => {
  clearInterval(watching);
  const time = await page.evaluate(() => document.getElementById('video').currentTime);
  tell({ event: 'end', time });
  await browser.close();
});
