"""What people do with boto3, with a guest's key; the owner's only where a check says so."""

import hashlib
import io
import urllib.error
import urllib.request

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from boto3_kit import BUCKET, ENV, MIB, PRIVATE, SECRET, check, client, denied, equal, fails, guest, main, noise, owner


def fetch(url, method="GET", data=None):
    """What a browser does with a link: its status and body."""
    request = urllib.request.Request(url, method=method, data=data)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def body(key, **arguments):
    return guest.get_object(Bucket=BUCKET, Key=key, **arguments)["Body"].read()


@check("owner: `create_bucket`, `put_bucket_acl` with GrantWrite and GrantRead by e-mail")
def _():
    owner.create_bucket(Bucket=BUCKET)
    grantee = f"emailaddress={ENV['GUEST_EMAIL']}"
    owner.put_bucket_acl(Bucket=BUCKET, GrantWrite=grantee, GrantRead=grantee)
    grants = owner.get_bucket_acl(Bucket=BUCKET)["Grants"]
    equal({grant["Permission"] for grant in grants}, {"READ", "WRITE"})
    equal({grant["Grantee"]["Type"] for grant in grants}, {"CanonicalUser"})
    equal({grant["Grantee"]["DisplayName"] for grant in grants}, {ENV["GUEST_EMAIL"]})


@check("owner: `put_bucket_acl` for an address that nobody has → UnresolvableGrantByEmailAddress, and nothing changed")
def _():
    before = owner.get_bucket_acl(Bucket=BUCKET)["Grants"]
    nobody = "emailaddress=nobody@example.com"
    fails(owner.put_bucket_acl, "UnresolvableGrantByEmailAddress", 400, Bucket=BUCKET, GrantRead=nobody)
    equal(owner.get_bucket_acl(Bucket=BUCKET)["Grants"], before)


@check("`list_buckets`: its bucket and no other")
def _():
    equal([bucket["Name"] for bucket in guest.list_buckets()["Buckets"]], [BUCKET])


@check("`head_bucket`, `get_bucket_location`")
def _():
    guest.head_bucket(Bucket=BUCKET)
    equal(guest.get_bucket_location(Bucket=BUCKET)["LocationConstraint"], None)


@check("`put_object`, `head_object`, `get_object`: the same bytes, metadata and headers")
def _():
    data = noise(1, 100_000)
    put = guest.put_object(
        Bucket=BUCKET,
        Key="a/été 1+1=2.bin",
        Body=data,
        ContentType="application/x-test",
        CacheControl="max-age=60",
        ContentDisposition='attachment; filename="x.bin"',
        Metadata={"made": "by hand"},
    )
    equal(put["ETag"], '"' + hashlib.md5(data).hexdigest() + '"')
    head = guest.head_object(Bucket=BUCKET, Key="a/été 1+1=2.bin")
    equal((head["ContentLength"], head["ContentType"]), (len(data), "application/x-test"))
    equal((head["CacheControl"], head["ContentDisposition"]), ("max-age=60", 'attachment; filename="x.bin"'))
    equal(head["Metadata"], {"made": "by hand"})
    equal(body("a/été 1+1=2.bin"), data)


@check("`put_object` of nothing, and of a stream of unknown checksum")
def _():
    guest.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    equal(body("empty"), b"")
    guest.put_object(Bucket=BUCKET, Key="stream", Body=io.BytesIO(noise(2, 200_000)))
    equal(body("stream"), noise(2, 200_000))


@check("`put_object` with each checksum, returned and verified on `get_object`")
def _():
    for algorithm in ["CRC32", "SHA1", "SHA256"]:
        put = guest.put_object(Bucket=BUCKET, Key=algorithm, Body=b"abc", ChecksumAlgorithm=algorithm)
        got = guest.get_object(Bucket=BUCKET, Key=algorithm, ChecksumMode="ENABLED")
        equal(got[f"Checksum{algorithm}"], put[f"Checksum{algorithm}"])
        equal(got["Body"].read(), b"abc")


@check("`put_object` with a wrong checksum → BadDigest, and nothing is stored")
def _():
    fails(guest.put_object, "BadDigest", 400, Bucket=BUCKET, Key="wrong", Body=b"abc", ChecksumCRC32="AAAAAA==")
    fails(guest.head_object, "NoSuchKey", 404, Bucket=BUCKET, Key="wrong")


@check("`get_object` of ranges, and of a range outside → InvalidRange")
def _():
    data = noise(2, 200_000)
    equal(body("stream", Range="bytes=1000-1999"), data[1000:2000])
    equal(body("stream", Range="bytes=-10"), data[-10:])
    fails(guest.get_object, "InvalidRange", 416, Bucket=BUCKET, Key="stream", Range="bytes=200000-")


@check("conditional reads: `IfMatch`, `IfNoneMatch`, `IfModifiedSince`")
def _():
    head = guest.head_object(Bucket=BUCKET, Key="stream")
    equal(len(body("stream", IfMatch=head["ETag"])), 200_000)
    fails(guest.get_object, "PreconditionFailed", 412, Bucket=BUCKET, Key="stream", IfMatch='"no"')
    fails(guest.get_object, "NotModified", 304, Bucket=BUCKET, Key="stream", IfNoneMatch=head["ETag"])
    fails(guest.get_object, "NotModified", 304, Bucket=BUCKET, Key="stream", IfModifiedSince=head["LastModified"])


@check("conditional writes: `IfNoneMatch='*'`, `IfMatch`")
def _():
    guest.put_object(Bucket=BUCKET, Key="once", Body=b"first", IfNoneMatch="*")
    fails(guest.put_object, "PreconditionFailed", 412, Bucket=BUCKET, Key="once", Body=b"second", IfNoneMatch="*")
    fails(guest.put_object, "PreconditionFailed", 412, Bucket=BUCKET, Key="once", Body=b"second", IfMatch='"no"')
    equal(body("once"), b"first")
    etag = guest.head_object(Bucket=BUCKET, Key="once")["ETag"]
    guest.put_object(Bucket=BUCKET, Key="once", Body=b"second", IfMatch=etag)
    equal(body("once"), b"second")


@check("`upload_file` of 20 MiB in parts, `download_file`: the same bytes")
def _():
    with open("large.bin", "wb") as file:
        file.write(noise(3, 20 * MIB + 1))
    guest.upload_file("large.bin", BUCKET, "large.bin")
    head = guest.head_object(Bucket=BUCKET, Key="large.bin")
    equal((head["ContentLength"], head["ETag"].endswith('-3"')), (20 * MIB + 1, True))
    guest.download_file(BUCKET, "large.bin", "large.back")
    with open("large.back", "rb") as file:
        equal(file.read() == noise(3, 20 * MIB + 1), True)


@check("multipart by hand: `list_parts`, `list_multipart_uploads`, a part again, complete; and `abort`")
def _():
    at = {"Bucket": BUCKET, "Key": "parts"}
    upload = guest.create_multipart_upload(**at, Metadata={"by": "parts"})["UploadId"]
    at["UploadId"] = upload
    guest.upload_part(**at, PartNumber=1, Body=noise(4, 100))
    first = guest.upload_part(**at, PartNumber=1, Body=noise(5, 5 * MIB))["ETag"]
    second = guest.upload_part(**at, PartNumber=7, Body=noise(6, 1000))["ETag"]
    equal([part["PartNumber"] for part in guest.list_parts(**at)["Parts"]], [1, 7])
    uploads = guest.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    equal([entry["UploadId"] for entry in uploads], [upload])
    parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 7, "ETag": second}]
    guest.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    equal(body("parts") == noise(5, 5 * MIB) + noise(6, 1000), True)
    equal(guest.head_object(Bucket=BUCKET, Key="parts")["Metadata"], {"by": "parts"})
    aborted = guest.create_multipart_upload(Bucket=BUCKET, Key="aborted")["UploadId"]
    guest.abort_multipart_upload(Bucket=BUCKET, Key="aborted", UploadId=aborted)
    fails(guest.list_parts, "NoSuchUpload", 404, Bucket=BUCKET, Key="aborted", UploadId=aborted)


@check("`copy_object`, with metadata kept and replaced; `copy` in parts")
def _():
    source = {"Bucket": BUCKET, "Key": "a/été 1+1=2.bin"}
    guest.copy_object(Bucket=BUCKET, Key="kept", CopySource=source)
    equal(guest.head_object(Bucket=BUCKET, Key="kept")["Metadata"], {"made": "by hand"})
    guest.copy_object(
        Bucket=BUCKET, Key="replaced", CopySource=source, MetadataDirective="REPLACE", Metadata={"made": "anew"}
    )
    equal(guest.head_object(Bucket=BUCKET, Key="replaced")["Metadata"], {"made": "anew"})
    equal(body("replaced"), noise(1, 100_000))
    parts = TransferConfig(multipart_threshold=6 * MIB, multipart_chunksize=6 * MIB)
    guest.copy({"Bucket": BUCKET, "Key": "large.bin"}, BUCKET, "large.copy", Config=parts)
    equal(body("large.copy") == noise(3, 20 * MIB + 1), True)


@check("`list_objects_v2` and `list_objects`: prefix, delimiter, pages")
def _():
    for number in range(25):
        guest.put_object(Bucket=BUCKET, Key=f"pages/{number % 5}/{number:03}", Body=b"x")
    for operation in ["list_objects_v2", "list_objects"]:
        pages = guest.get_paginator(operation).paginate(
            Bucket=BUCKET, Prefix="pages/", PaginationConfig={"PageSize": 7}
        )
        pages = [[entry["Key"] for entry in page["Contents"]] for page in pages]
        equal([len(page) for page in pages], [7, 7, 7, 4])
        keys = [key for page in pages for key in page]
        equal(keys, sorted({f"pages/{number % 5}/{number:03}" for number in range(25)}))
        pages = guest.get_paginator(operation).paginate(
            Bucket=BUCKET, Prefix="pages/", Delimiter="/", PaginationConfig={"PageSize": 2}
        )
        prefixes = [entry["Prefix"] for page in pages for entry in page["CommonPrefixes"]]
        equal(prefixes, [f"pages/{number}/" for number in range(5)])


@check("`delete_objects` of many, some of them absent; `delete_object`")
def _():
    keys = [{"Key": f"pages/{number % 5}/{number:03}"} for number in range(26)]
    answer = guest.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})
    equal((len(answer["Deleted"]), answer.get("Errors", [])), (26, []))
    equal(guest.list_objects_v2(Bucket=BUCKET, Prefix="pages/")["KeyCount"], 0)
    guest.delete_object(Bucket=BUCKET, Key="kept")
    fails(guest.get_object, "NoSuchKey", 404, Bucket=BUCKET, Key="kept")


@check("`generate_presigned_url` as it comes (SigV2) is refused, and the answer names AWS4-HMAC-SHA256")
def _():
    url = guest.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "once"})
    equal("Signature=" in url and "X-Amz-Signature" not in url, True)
    status, said = fetch(url)
    equal((status, b"InvalidRequest" in said, b"AWS4-HMAC-SHA256" in said), (400, True, True))


@check("`generate_presigned_url` as it comes (SigV2) works with a key made by `key create --allow-sigv2`")
def _():
    url = client("OLD").generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "once"})
    equal("Signature=" in url and "X-Amz-Signature" not in url, True)
    equal(fetch(url), (200, b"second"))


@check("`generate_presigned_url` with signature_version='s3v4': GET and PUT; another method is refused")
def _():
    modern = client("GUEST", signature_version="s3v4")
    arguments = {"Bucket": BUCKET, "Key": "by link"}
    put = modern.generate_presigned_url("put_object", Params=arguments, ExpiresIn=600)
    equal(fetch(put, "PUT", b"by link")[0], 200)
    get = modern.generate_presigned_url("get_object", Params=arguments, ExpiresIn=600)
    equal(fetch(get), (200, b"by link"))
    equal(fetch(get, "DELETE")[0], 403)
    equal(fetch(get.replace("by%20link", "once"))[0], 403)


@check("owner: reads what the guest wrote, as the owner of it")
def _():
    equal(owner.get_object(Bucket=BUCKET, Key="once")["Body"].read(), b"second")
    acl = owner.get_object_acl(Bucket=BUCKET, Key="once")
    equal(acl["Owner"]["ID"], owner.list_buckets()["Owner"]["ID"])


@check("what is not configured answers as S3 does")
def _():
    fails(owner.get_bucket_policy, "NoSuchBucketPolicy", 404, Bucket=BUCKET)
    fails(owner.get_bucket_tagging, "NoSuchTagSet", 404, Bucket=BUCKET)
    fails(owner.get_bucket_cors, "NoSuchCORSConfiguration", 404, Bucket=BUCKET)
    fails(owner.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", 404, Bucket=BUCKET)
    fails(owner.get_bucket_website, "NoSuchWebsiteConfiguration", 404, Bucket=BUCKET)
    equal(owner.get_bucket_versioning(Bucket=BUCKET).get("Status"), None)
    equal("LoggingEnabled" in owner.get_bucket_logging(Bucket=BUCKET), False)
    equal(owner.get_bucket_request_payment(Bucket=BUCKET)["Payer"], "BucketOwner")


@check("refused: `put_bucket_acl`, `get_bucket_acl`, `delete_bucket`, `put_bucket_policy` on the bucket, `create_bucket`")
def _():
    denied(guest.put_bucket_acl, Bucket=BUCKET, ACL="private")
    denied(guest.put_bucket_acl, Bucket=BUCKET, GrantFullControl=f"emailaddress={ENV['GUEST_EMAIL']}")
    denied(guest.get_bucket_acl, Bucket=BUCKET)
    denied(guest.delete_bucket, Bucket=BUCKET)
    denied(guest.put_bucket_policy, Bucket=BUCKET, Policy="{}")
    denied(guest.create_bucket, Bucket="a-new-one.example.com")


@check("refused: `list_objects_v2`, `head_bucket`, `get_bucket_location` of another bucket")
def _():
    denied(guest.list_objects_v2, Bucket=PRIVATE)
    denied(guest.head_bucket, Bucket=PRIVATE)
    denied(guest.get_bucket_location, Bucket=PRIVATE)


@check("refused: `put_object`, `get_object`, `head_object`, `delete_object`, `delete_objects` in another bucket")
def _():
    denied(guest.put_object, Bucket=PRIVATE, Key="planted", Body=b"x")
    denied(guest.get_object, Bucket=PRIVATE, Key=SECRET)
    denied(guest.head_object, Bucket=PRIVATE, Key=SECRET)
    denied(guest.get_object, Bucket=PRIVATE, Key="not there")
    denied(guest.delete_object, Bucket=PRIVATE, Key=SECRET)
    try:
        errors = guest.delete_objects(Bucket=PRIVATE, Delete={"Objects": [{"Key": SECRET}]})["Errors"]
        equal([error["Code"] for error in errors], ["AccessDenied"])
    except ClientError as error:
        equal(error.response["Error"]["Code"], "AccessDenied")


@check("refused: `copy_object` and `upload_part_copy` out of another bucket")
def _():
    source = {"Bucket": PRIVATE, "Key": SECRET}
    denied(guest.copy_object, Bucket=BUCKET, Key="stolen", CopySource=source)
    upload = guest.create_multipart_upload(Bucket=BUCKET, Key="stolen")["UploadId"]
    at = {"Bucket": BUCKET, "Key": "stolen", "UploadId": upload}
    denied(guest.upload_part_copy, **at, PartNumber=1, CopySource=source)
    guest.abort_multipart_upload(**at)


@check("refused: a presigned link into another bucket")
def _():
    modern = client("GUEST", signature_version="s3v4")
    equal(fetch(modern.generate_presigned_url("get_object", Params={"Bucket": PRIVATE, "Key": SECRET}))[0], 403)


main()
