"""Everything that S3 has for reading, writing and deleting, tried with the key of a share: what its preset gives is done,
and all else refused, through whichever door. What was there before is looked at by the owner, and must be as it was.
"""

from botocore.exceptions import ClientError

from boto3_kit import BUCKET, ENV, MIB, PRIVATE, SECRET, check, denied, equal, fails, guest, main, noise, owner

PRESET = ENV["PRESET"]
# Which of them list, read, create, overwrite, delete, and delete under locks/.
LIST, READ, NEW, OVER, DELETE, LOCKS = (
    PRESET in names
    for names in (
        ("read", "read-write", "rclone-sync", "backup", "restic", "duplicity"),
        ("read", "read-write", "rclone-sync", "backup", "restic", "duplicity"),
        ("write", "read-write", "rclone-sync", "drop-box", "backup", "restic", "duplicity"),
        ("write", "read-write", "rclone-sync"),
        ("write", "read-write", "rclone-sync"),
        ("write", "read-write", "rclone-sync", "restic"),
    )
)
PART = 5 * MIB
OLD = noise(71, 10_000)


def does(allowed, call, **arguments):
    """The call must be answered if the preset allows it, and refused if it does not."""
    if not allowed:
        return denied(call, **arguments)
    return call(**arguments)


def in_parts(key, bucket=BUCKET, meanwhile=lambda: None):
    """An upload of two parts. What it is refused at the end leaves nothing."""
    at = {"Bucket": bucket, "Key": key}
    at["UploadId"] = guest.create_multipart_upload(**at)["UploadId"]
    try:
        bodies = [noise(72, PART), b"the rest"]
        parts = [
            {"PartNumber": n, "ETag": guest.upload_part(**at, PartNumber=n, Body=body)["ETag"]}
            for n, body in enumerate(bodies, 1)
        ]
        equal([part["PartNumber"] for part in guest.list_parts(**at)["Parts"]], [1, 2])
        meanwhile()
        guest.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    except ClientError:
        guest.abort_multipart_upload(**at)
        raise


def there(key, body=OLD):
    """Puts an object as the owner, and says what it is called."""
    owner.put_object(Bucket=BUCKET, Key=key, Body=body)
    return {"Bucket": BUCKET, "Key": key}


def unchanged(at, body=OLD):
    equal(owner.get_object(**at)["Body"].read(), body)


def gone(at):
    listed = owner.list_objects_v2(Bucket=at["Bucket"], Prefix=at["Key"]).get("Contents", [])
    return at["Key"] not in [entry["Key"] for entry in listed]


@check("what clients ask first: `list_buckets` names its bucket alone; `head_bucket`, `get_bucket_location`, `_versioning`")
def _():
    equal([bucket["Name"] for bucket in guest.list_buckets()["Buckets"]], [BUCKET])
    guest.head_bucket(Bucket=BUCKET)
    equal(guest.get_bucket_location(Bucket=BUCKET)["LocationConstraint"], None)
    equal(guest.get_bucket_versioning(Bucket=BUCKET).get("Status"), None)
    does(NEW, guest.create_bucket, Bucket=BUCKET)


@check(f"{'' if LIST else 'refused: '}list the objects, their versions, and the unfinished uploads")
def _():
    there("listed")
    does(LIST, guest.list_objects_v2, Bucket=BUCKET)
    does(LIST, guest.list_objects, Bucket=BUCKET)
    does(LIST, guest.list_multipart_uploads, Bucket=BUCKET)


@check(f"{'' if READ else 'refused: '}read an object, a range of it, its head, its attributes; and one that is not there")
def _():
    at = there("read")
    does(READ, guest.get_object, **at)
    does(READ, guest.get_object, **at, Range="bytes=1-2")
    does(READ, guest.head_object, **at)
    does(READ, guest.get_object_attributes, **at, ObjectAttributes=["ETag"])
    try:
        guest.head_object(Bucket=BUCKET, Key="not there")
        raise AssertionError("what is not there was found")
    except ClientError as error:
        equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 404 if READ else 403)


@check(f"{'' if NEW else 'refused: '}create an object, by `put_object`, in parts, and by `copy_object`")
def _():
    at = {"Bucket": BUCKET, "Key": "new"}
    does(NEW, guest.put_object, **at, Body=b"new")
    equal(gone(at), not NEW)
    if NEW:
        in_parts("new in parts")
    else:
        denied(guest.create_multipart_upload, Bucket=BUCKET, Key="new in parts")
    source = there("copied from")
    does(NEW and READ, guest.copy_object, Bucket=BUCKET, Key="new copy", CopySource=source)
    equal(gone({"Bucket": BUCKET, "Key": "new copy"}), not (NEW and READ))


@check(f"{'' if OVER else 'refused: '}overwrite one: by `put_object`, whatever its conditions, in parts, and by `copy_object`")
def _():
    source = there("other", b"other")
    puts = ({}, {"IfMatch": owner.put_object(**there("old 1"), Body=OLD)["ETag"]}, {"ChecksumAlgorithm": "CRC32"})
    for n, more in enumerate(puts):
        at = there(f"old {n}")
        does(OVER, guest.put_object, **at, Body=b"overwritten", **more)
        unchanged(at, b"overwritten" if OVER else OLD)
    at = there("old in parts")
    if OVER:
        in_parts(at["Key"])
    else:
        try:
            in_parts(at["Key"])
            raise AssertionError("an upload in parts was not refused")
        except ClientError as error:
            equal(error.response["Error"]["Code"], "AccessDenied")
        unchanged(at)
    at = there("old copy")
    does(OVER and READ, guest.copy_object, **at, CopySource=source)
    unchanged(at, b"other" if OVER and READ else OLD)
    # Onto itself: its metadata would be others.
    does(OVER and READ, guest.copy_object, **at, CopySource=at, MetadataDirective="REPLACE", Metadata={"a": "b"})
    equal(owner.head_object(**at)["Metadata"], {"a": "b"} if OVER and READ else {})


if NEW and not OVER:

    @check("refused: complete an upload in parts over what came after it had begun")
    def _():
        at = {"Bucket": BUCKET, "Key": "raced"}
        try:
            in_parts("raced", meanwhile=lambda: there("raced"))
            raise AssertionError("it was not refused")
        except ClientError as error:
            equal(error.response["Error"]["Code"], "AccessDenied")
        unchanged(at)


@check(f"{'' if DELETE else 'refused: '}delete, by `delete_object` and `delete_objects`, what is there and what is not")
def _():
    at = there("to delete")
    does(DELETE, guest.delete_object, **at)
    does(DELETE, guest.delete_object, Bucket=BUCKET, Key="never there")
    equal(gone(at), DELETE)
    all_of = [there(f"to delete {n}") for n in range(3)]
    objects = [{"Key": at["Key"]} for at in all_of]
    try:
        errors = guest.delete_objects(Bucket=BUCKET, Delete={"Objects": objects}).get("Errors", [])
    except ClientError as error:
        errors = [error.response["Error"]] * len(objects)
    equal([error["Code"] for error in errors], [] if DELETE else ["AccessDenied"] * len(objects))
    equal([gone(at) for at in all_of], [DELETE] * len(objects))


@check(f"{'' if LOCKS else 'refused: '}delete what lies under `locks/`; and only where that is the beginning of the key")
def _():
    for key, allowed in (("locks/1", LOCKS), ("data/locks/1", DELETE), ("locks", DELETE)):
        at = there(key)
        does(allowed, guest.delete_object, **at)
        equal(gone(at), allowed)


@check("refused: change who may do what, a setting, an object's tags, or the bucket itself")
def _():
    at = there("settled")
    everyone = "http://acs.amazonaws.com/groups/global/AllUsers"
    denied(guest.put_bucket_acl, Bucket=BUCKET, ACL="public-read")
    denied(guest.put_object_acl, **at, ACL="public-read")
    denied(guest.put_object_acl, **at, GrantFullControl=f"uri={everyone}")
    denied(guest.get_bucket_acl, Bucket=BUCKET)
    denied(guest.put_bucket_policy, Bucket=BUCKET, Policy="{}")
    denied(guest.get_bucket_policy, Bucket=BUCKET)
    denied(guest.delete_bucket_policy, Bucket=BUCKET)
    denied(guest.put_object_tagging, **at, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    denied(guest.delete_public_access_block, Bucket=BUCKET)
    denied(guest.delete_bucket, Bucket=BUCKET)
    denied(guest.create_bucket, Bucket="a-new-one.example.com")
    if NEW:
        # In a bucket that nobody set otherwise no object has an ACL, whoever writes it.
        fails(guest.put_object, "AccessControlListNotSupported", 400, **at | {"Key": "granted"}, ACL="public-read")


@check("refused: every one of these in another bucket, and copies out of it")
def _():
    secret = {"Bucket": PRIVATE, "Key": SECRET}
    for call in (guest.head_bucket, guest.get_bucket_location, guest.list_objects_v2, guest.get_bucket_versioning):
        denied(call, Bucket=PRIVATE)
    for call in (guest.get_object, guest.head_object, guest.delete_object, guest.create_multipart_upload):
        denied(call, **secret)
    denied(guest.put_object, **secret, Body=b"x")
    denied(guest.put_object, Bucket=PRIVATE, Key="planted", Body=b"x")
    denied(guest.get_object, Bucket=PRIVATE, Key="not there")
    denied(guest.create_bucket, Bucket=PRIVATE)
    denied(guest.copy_object, Bucket=BUCKET, Key="stolen", CopySource=secret)
    if NEW:
        at = {"Bucket": BUCKET, "Key": "stolen"}
        at["UploadId"] = guest.create_multipart_upload(**at)["UploadId"]
        denied(guest.upload_part_copy, **at, PartNumber=1, CopySource=secret)
        guest.abort_multipart_upload(**at)


main()
