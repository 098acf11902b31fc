// What people do with the AWS SDK for JavaScript, with a guest's key; the owner's only where a check says so.
//
// Prints one JSON object a line, as xtask's `clients::script` reads it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";

import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketLocationCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutBucketAclCommand,
  PutObjectCommand,
  S3Client,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const { ENDPOINT, REGION, BUCKET, PRIVATE, SECRET, GUEST_EMAIL } = process.env;
const MIB = 1024 * 1024;

const client = (key, more = {}) =>
  new S3Client({
    ...more,
    endpoint: ENDPOINT,
    region: REGION,
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: process.env[`${key}_KEY_ID`], secretAccessKey: process.env[`${key}_SECRET`] },
  });
const owner = client("OWNER");
const guest = client("GUEST");

// The checks, in the order in which they stand here.
const checks = [];
const check = (name, work) => checks.push([name, work]);

// The same bytes for the same seed, which do not compress.
const noise = (seed, length) => createHash("shake128", { outputLength: length }).update(String(seed)).digest();

// A body whose length and checksum are not known before it is sent, in pieces that fit nothing else's size.
const stream = (bytes) => {
  const pieces = [];
  for (let at = 0; at < bytes.length; at += 30_011) pieces.push(bytes.subarray(at, at + 30_011));
  return Readable.from(pieces);
};

const read = async (Key, more = {}) => {
  const answer = await guest.send(new GetObjectCommand({ Bucket: BUCKET, Key, ...more }));
  return Buffer.from(await answer.Body.transformToByteArray());
};

const same = (one, other) => assert.ok(Buffer.compare(one, other) === 0, "the bytes differ");

const fails = async (command, status, code, who = guest) => {
  try {
    await who.send(command);
  } catch (error) {
    assert.equal(error.$metadata?.httpStatusCode, status, `${error.name}: ${error.message}`);
    // An answer to HEAD has no body to read a code from.
    if (code && !command.constructor.name.startsWith("Head")) assert.equal(error.name, code);
    return;
  }
  assert.fail(`${command.constructor.name} did not fail`);
};
const denied = (command) => fails(command, 403, "AccessDenied");

check("owner: CreateBucket, PutBucketAcl with GrantWrite and GrantRead by e-mail", async () => {
  const grantee = `emailaddress=${GUEST_EMAIL}`;
  await owner.send(new CreateBucketCommand({ Bucket: BUCKET }));
  await owner.send(new PutBucketAclCommand({ Bucket: BUCKET, GrantWrite: grantee, GrantRead: grantee }));
});

check("ListBuckets: its bucket and no other", async () => {
  const { Buckets } = await guest.send(new ListBucketsCommand({}));
  assert.deepEqual(Buckets.map((bucket) => bucket.Name), [BUCKET]);
});

check("HeadBucket, GetBucketLocation", async () => {
  await guest.send(new HeadBucketCommand({ Bucket: BUCKET }));
  await guest.send(new GetBucketLocationCommand({ Bucket: BUCKET }));
});

check("PutObject with the checksum that the SDK adds (CRC32), GetObject with the SDK validating it", async () => {
  const bytes = noise(1, 100_000);
  const put = new PutObjectCommand({ Bucket: BUCKET, Key: "a/été 1+1=2.bin", Body: bytes, Metadata: { made: "by hand" } });
  const { ChecksumCRC32, ETag } = await guest.send(put);
  assert.ok(ChecksumCRC32);
  assert.equal(ETag, `"${createHash("md5").update(bytes).digest("hex")}"`);
  const got = await guest.send(new GetObjectCommand({ Bucket: BUCKET, Key: "a/été 1+1=2.bin", ChecksumMode: "ENABLED" }));
  assert.deepEqual([got.ChecksumCRC32, got.Metadata], [ChecksumCRC32, { made: "by hand" }]);
  same(Buffer.from(await got.Body.transformToByteArray()), bytes);
});

check("PutObject of a stream: aws-chunked, with the checksum in a trailer", async () => {
  const bytes = noise(2, 200_000);
  const put = { Bucket: BUCKET, Key: "stream", Body: stream(bytes), ContentLength: bytes.length, ContentEncoding: "identity" };
  await guest.send(new PutObjectCommand(put));
  same(await read("stream"), bytes);
});

check("PutObject of a stream with SHA256 and with CRC32C in a trailer", async () => {
  for (const ChecksumAlgorithm of ["SHA256", "CRC32C"]) {
    const bytes = noise(3, 70_001);
    const put = { Bucket: BUCKET, Key: ChecksumAlgorithm, Body: stream(bytes), ContentLength: bytes.length, ChecksumAlgorithm };
    const answer = await guest.send(new PutObjectCommand(put));
    const got = await guest.send(new GetObjectCommand({ Bucket: BUCKET, Key: ChecksumAlgorithm, ChecksumMode: "ENABLED" }));
    assert.equal(got[`Checksum${ChecksumAlgorithm}`], answer[`Checksum${ChecksumAlgorithm}`]);
    same(Buffer.from(await got.Body.transformToByteArray()), bytes);
  }
});

check("PutObject with a wrong checksum → BadDigest, and nothing is stored", async () => {
  const wrong = { Bucket: BUCKET, Key: "wrong", Body: "abc", ChecksumCRC32: "AAAAAA==" };
  await fails(new PutObjectCommand(wrong), 400, "BadDigest");
  await fails(new HeadObjectCommand({ Bucket: BUCKET, Key: "wrong" }), 404);
});

check("GetObject of a range; HeadObject; GetObjectAttributes", async () => {
  same(await read("stream", { Range: "bytes=1000-1999" }), noise(2, 200_000).subarray(1000, 2000));
  assert.equal((await guest.send(new HeadObjectCommand({ Bucket: BUCKET, Key: "stream" }))).ContentLength, 200_000);
  const wanted = { Bucket: BUCKET, Key: "stream", ObjectAttributes: ["ETag", "ObjectSize", "Checksum"] };
  assert.equal((await guest.send(new GetObjectAttributesCommand(wanted))).ObjectSize, 200_000);
});

check("PutObject with IfNoneMatch '*', which only the first of two can have", async () => {
  const once = (Body) => new PutObjectCommand({ Bucket: BUCKET, Key: "once", Body, IfNoneMatch: "*" });
  await guest.send(once("first"));
  await fails(once("second"), 412, "PreconditionFailed");
  assert.equal((await read("once")).toString(), "first");
});

check("Upload (lib-storage) of a stream of 16 MiB in parts, with checksums", async () => {
  const bytes = noise(4, 16 * MIB + 5);
  const upload = new Upload({ client: guest, partSize: 5 * MIB, params: { Bucket: BUCKET, Key: "large", Body: stream(bytes) } });
  const { ETag } = await upload.done();
  assert.match(ETag, /-4"$/);
  same(await read("large"), bytes);
});

check("Upload (lib-storage) that is aborted leaves nothing", async () => {
  const upload = new Upload({ client: guest, partSize: 5 * MIB, params: { Bucket: BUCKET, Key: "aborted", Body: stream(noise(5, 12 * MIB)) } });
  upload.on("httpUploadProgress", () => upload.abort());
  await assert.rejects(upload.done(), { name: "AbortError" });
  await fails(new HeadObjectCommand({ Bucket: BUCKET, Key: "aborted" }), 404);
});

check("CopyObject", async () => {
  const CopySource = `${BUCKET}/${encodeURIComponent("a/été 1+1=2.bin")}`;
  await guest.send(new CopyObjectCommand({ Bucket: BUCKET, Key: "copy", CopySource }));
  same(await read("copy"), noise(1, 100_000));
});

check("ListObjectsV2: prefix, delimiter, pages", async () => {
  for (let n = 0; n < 9; n++) await guest.send(new PutObjectCommand({ Bucket: BUCKET, Key: `pages/${n % 3}/${n}`, Body: "x" }));
  const keys = [];
  const pages = paginateListObjectsV2({ client: guest, pageSize: 4 }, { Bucket: BUCKET, Prefix: "pages/" });
  for await (const page of pages) keys.push(page.Contents.map((entry) => entry.Key));
  assert.deepEqual(keys.map((page) => page.length), [4, 4, 1]);
  const folded = await guest.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: "pages/", Delimiter: "/" }));
  assert.deepEqual(folded.CommonPrefixes.map((entry) => entry.Prefix), ["pages/0/", "pages/1/", "pages/2/"]);
});

check("DeleteObjects of many; DeleteObject", async () => {
  const Objects = Array.from({ length: 9 }, (_, n) => ({ Key: `pages/${n % 3}/${n}` }));
  const answer = await guest.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects } }));
  assert.deepEqual([answer.Deleted.length, answer.Errors ?? []], [9, []]);
  await guest.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: "copy" }));
  await fails(new GetObjectCommand({ Bucket: BUCKET, Key: "copy" }), 404, "NoSuchKey");
});

check("getSignedUrl: PUT of the body that was signed, with its checksum, and GET", async () => {
  const at = { Bucket: BUCKET, Key: "by link" };
  const url = await getSignedUrl(guest, new PutObjectCommand({ ...at, Body: "by link" }), { expiresIn: 600 });
  const put = await fetch(url, { method: "PUT", body: "by link" });
  assert.equal(put.status, 200, await put.text());
  const get = await fetch(await getSignedUrl(guest, new GetObjectCommand(at), { expiresIn: 600 }));
  assert.deepEqual([get.status, await get.text()], [200, "by link"]);
});

check("getSignedUrl: PUT of any body, with requestChecksumCalculation 'WHEN_REQUIRED'", async () => {
  // As it comes, the SDK signs the checksum of an empty body where it is told none.
  const plain = client("GUEST", { requestChecksumCalculation: "WHEN_REQUIRED" });
  const url = await getSignedUrl(plain, new PutObjectCommand({ Bucket: BUCKET, Key: "by link" }), { expiresIn: 600 });
  const put = await fetch(url, { method: "PUT", body: "any body" });
  assert.equal(put.status, 200, await put.text());
  assert.equal((await read("by link")).toString(), "any body");
});

check("refused: PutBucketAcl and DeleteBucket on the bucket, CreateBucket", async () => {
  await denied(new PutBucketAclCommand({ Bucket: BUCKET, GrantFullControl: `emailaddress=${GUEST_EMAIL}` }));
  await denied(new DeleteBucketCommand({ Bucket: BUCKET }));
  await denied(new CreateBucketCommand({ Bucket: "a-new-one.example.com" }));
});

check("refused: HeadBucket and ListObjectsV2 of another bucket", async () => {
  await denied(new HeadBucketCommand({ Bucket: PRIVATE }));
  await denied(new ListObjectsV2Command({ Bucket: PRIVATE }));
});

check("refused: PutObject, GetObject, HeadObject, DeleteObject in another bucket", async () => {
  await denied(new PutObjectCommand({ Bucket: PRIVATE, Key: "planted", Body: "x" }));
  await denied(new GetObjectCommand({ Bucket: PRIVATE, Key: SECRET }));
  await denied(new HeadObjectCommand({ Bucket: PRIVATE, Key: SECRET }));
  await denied(new DeleteObjectCommand({ Bucket: PRIVATE, Key: SECRET }));
});

check("refused: CopyObject out of another bucket, and a presigned link into it", async () => {
  await denied(new CopyObjectCommand({ Bucket: BUCKET, Key: "stolen", CopySource: `${PRIVATE}/${SECRET}` }));
  const link = await getSignedUrl(guest, new GetObjectCommand({ Bucket: PRIVATE, Key: SECRET }), { expiresIn: 600 });
  assert.equal((await fetch(link)).status, 403);
});

for (const [name, work] of checks) {
  const begun = performance.now();
  const line = { check: name };
  try {
    await work();
  } catch (error) {
    line.failed = String(error.stack ?? error).split("\n").slice(0, 12).join("\n");
  }
  line.seconds = Math.round(performance.now() - begun) / 1000;
  console.log(JSON.stringify(line));
}
console.log(JSON.stringify({ end: true }));
