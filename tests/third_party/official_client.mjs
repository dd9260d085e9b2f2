// What the official Node client does here, step by step; run by node.
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";

const [baseURL, modules, picture] = process.argv.slice(2);
const OpenAI = createRequire(`${modules}/`)("openai");
const client = new OpenAI({ baseURL, apiKey: "sk-rehearsal", maxRetries: 0 });

async function finished(id) {
  for (;;) {
    const video = await client.videos.retrieve(id);
    if (video.status === "completed") return video;
    assert.notEqual(video.status, "failed");
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

const made = await client.videos.create({
  prompt: "A cat",
  seconds: "8",
  size: "1280x720",
  input_reference: fs.createReadStream(picture),
});
const video = await finished(made.id);
assert.equal(video.seconds, "8");
const dataUrl = `data:image/png;base64,${fs.readFileSync(picture).toString("base64")}`;
const second = await client.videos.create({
  prompt: "A dog",
  size: "1280x720",
  input_reference: { image_url: dataUrl },
});
await finished(second.id);

for (const [variant, magic] of [["video", "ftyp"], ["thumbnail", "WEBP"], ["spritesheet", "JFIF"]]) {
  const answer = await client.videos.downloadContent(video.id, { variant });
  const body = Buffer.from(await answer.arrayBuffer());
  assert.ok(body.subarray(0, 16).includes(magic), variant);
}

const remix = await client.videos.remix(video.id, { prompt: "A cat at night" });
assert.equal(remix.remixed_from_video_id, video.id);
await finished(remix.id);
const edit = await client.videos.edit({ prompt: "A cat in the rain", video: { id: video.id } });
await finished(edit.id);
const extension = await client.videos.extend({
  prompt: "It walks away",
  seconds: "4",
  video: { id: video.id },
});
assert.equal((await finished(extension.id)).seconds, "12");

const listed = [];
for await (const each of client.videos.list({ limit: 2 })) listed.push(each.id);
assert.deepEqual(listed.slice(0, 5), [extension.id, edit.id, remix.id, second.id, video.id]);

const deleted = await client.videos.delete(second.id);
assert.deepEqual(deleted, { id: second.id, object: "video.deleted", deleted: true });
await assert.rejects(client.videos.retrieve(second.id), { status: 404 });
console.log("all operations done");
