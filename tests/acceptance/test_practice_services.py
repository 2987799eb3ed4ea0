"""The services around IAM that the practice account has, as boto3 speaks to them."""

import json
import uuid

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from cloud import allow, policy


@pytest.fixture
def client(practice):
    """A client of any service, for root or for somebody else."""
    session = boto3.Session(region_name="us-east-1")

    def make(service, key_id=None, secret=None, token=None):
        keys = (key_id, secret) if key_id else practice.root
        return session.client(service, endpoint_url=practice.endpoint, aws_access_key_id=keys[0], aws_secret_access_key=keys[1], aws_session_token=token)

    return make


@pytest.fixture
def somebody(practice):
    return practice.person(f"somebody-{uuid.uuid4().hex[:8]}")


def refusal(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"], caught.value.response["Error"]["Message"]


def test_a_denial_can_be_decoded_by_who_may(client, practice, somebody):
    own = client("iam", somebody.key_id, somebody.secret)
    code, status, message = refusal(own.list_users)
    assert (code, status) == ("AccessDenied", 403)
    sentence, encoded = message.split(". Encoded authorization failure message: ")
    assert sentence.endswith("because no identity-based policy allows the iam:ListUsers action")
    told = json.loads(client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert (told["allowed"], told["explicitDeny"], told["matchedStatements"]) == (False, False, {"items": []})
    assert told["context"]["principal"]["arn"] == somebody.arn
    assert told["context"]["action"] == "iam:ListUsers"
    keys = {item["key"]: [value["value"] for value in item["values"]["items"]] for item in told["context"]["conditions"]["items"]}
    assert keys["aws:username"] == [somebody.name]

    assert refusal(client("sts", somebody.key_id, somebody.secret).decode_authorization_message, EncodedMessage=encoded)[0] == "AccessDenied"
    assert refusal(client("sts").decode_authorization_message, EncodedMessage=encoded[:-4])[:2] == ("InvalidAuthorizationMessageException", 400)

    somebody.may({"Sid": "NotThese", "Effect": "Deny", "Action": "iam:List*", "Resource": "*"})
    encoded = refusal(own.list_users)[2].rsplit(" ", 1)[1]
    told = json.loads(client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"])
    assert told["explicitDeny"] is True
    assert [(item["statementId"], item["effect"]) for item in told["matchedStatements"]["items"]] == [("NotThese", "DENY")]


def test_cloud_trail_tells_every_call_also_the_denied_ones(client, practice, somebody):
    refusal(client("iam", somebody.key_id, somebody.secret).create_user, UserName="nobody-at-all")
    trail = client("cloudtrail")
    events = trail.lookup_events(LookupAttributes=[{"AttributeKey": "AccessKeyId", "AttributeValue": somebody.key_id}])["Events"]
    assert [event["EventName"] for event in events] == ["CreateUser"]
    event = events[0]
    assert (event["EventSource"], event["Username"], event["ReadOnly"]) == ("iam.amazonaws.com", somebody.name, "false")
    whole = json.loads(event["CloudTrailEvent"])
    assert whole["errorCode"] == "AccessDenied"
    assert whole["userIdentity"]["arn"] == somebody.arn
    assert whole["requestParameters"] == {"userName": "nobody-at-all"}

    assert refusal(trail.lookup_events, LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2)[0] == "InvalidLookupAttributesException"
    assert refusal(trail.lookup_events, StartTime=2, EndTime=1)[:2] == ("InvalidTimeRangeException", 400)
    assert refusal(trail.lookup_events, NextToken="no such page")[:2] == ("InvalidNextTokenException", 400)
    assert refusal(client("cloudtrail", somebody.key_id, somebody.secret).lookup_events)[:2] == ("AccessDeniedException", 400)
    pages = list(trail.get_paginator("lookup_events").paginate(PaginationConfig={"PageSize": 5, "MaxItems": 20}))
    ids = [event["EventId"] for page in pages for event in page["Events"]]
    assert len(ids) == len(set(ids)) > 5, "no event twice, and more than a page"


def test_cloud_trail_tells_through_which_session_a_call_came(client, practice, somebody):
    role = practice.role(f"told-{uuid.uuid4().hex[:8]}", somebody.arn)
    sts = client("sts", somebody.key_id, somebody.secret)
    session = sts.assume_role(RoleArn=role, RoleSessionName="trail", DurationSeconds=900)["Credentials"]
    client("sts", session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]).get_caller_identity()
    events = client("cloudtrail").lookup_events(LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": role}])["Events"]
    assumed = next(json.loads(event["CloudTrailEvent"]) for event in events if event["EventName"] == "AssumeRole")
    assert assumed["requestParameters"] == {"roleArn": role, "roleSessionName": "trail", "durationSeconds": 900}
    assert assumed["responseElements"]["credentials"]["accessKeyId"] == session["AccessKeyId"]
    assert session["SecretAccessKey"] not in json.dumps(assumed)
    lookup = [{"AttributeKey": "AccessKeyId", "AttributeValue": session["AccessKeyId"]}]
    [event] = client("cloudtrail").lookup_events(LookupAttributes=lookup)["Events"]
    identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert (identity["type"], identity["sessionContext"]["sessionIssuer"]["arn"]) == ("AssumedRole", role)


def test_organizations_tells_ones_own_accounts(client, practice, somebody):
    accounts = client("organizations").list_accounts()["Accounts"]
    own = {account["AccountId"]: account for account in practice.accounts}
    assert {account["Name"] for account in accounts} == {"Practice", "Practice sandbox"}
    assert practice.account in {account["Id"] for account in accounts}
    sandbox = next(account for account in own.values() if account["Name"] == "Practice sandbox")
    stranger = next(account for account in own.values() if account["Name"] == "Third party")
    asked_by = lambda account: client("organizations", account["AccessKeyId"], account["SecretAccessKey"]).list_accounts
    assert refusal(asked_by(sandbox))[:2] == ("AccessDeniedException", 400)
    assert refusal(asked_by(stranger))[0] == "AWSOrganizationsNotInUseException"

    # The management account administers a member through the role that Organizations made there.
    role = f"arn:aws:iam::{sandbox['AccountId']}:role/OrganizationAccountAccessRole"
    sts = client("sts", somebody.key_id, somebody.secret)
    assert refusal(sts.assume_role, RoleArn=role, RoleSessionName="admin")[0] == "AccessDenied"
    somebody.may(allow("sts:AssumeRole", role))
    session = sts.assume_role(RoleArn=role, RoleSessionName="admin")["Credentials"]
    client("iam", session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]).list_users()


def test_a_bucket_can_be_read_by_who_may(client, practice, somebody):
    bucket = f"practice-reports-{practice.account}"
    own = client("s3", somebody.key_id, somebody.secret)
    assert refusal(own.get_object, Bucket=bucket, Key="hello.txt")[:2] == ("AccessDenied", 403)
    assert refusal(own.get_object, Bucket="nobody-has-this-bucket", Key="hello.txt")[:2] == ("NoSuchBucket", 404)
    somebody.may(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    assert own.get_object(Bucket=bucket, Key="hello.txt")["Body"].read().startswith(b"This was read")
    assert own.head_object(Bucket=bucket, Key="hello.txt")["ContentLength"] > 20
    assert refusal(own.get_object, Bucket=bucket, Key="missing")[0] == "AccessDenied", "who may not list is not told what is missing"
    assert refusal(own.list_objects_v2, Bucket=bucket)[0] == "AccessDenied"
    somebody.may(allow(["s3:GetObject", "s3:ListBucket"]))
    assert refusal(own.get_object, Bucket=bucket, Key="missing")[:2] == ("NoSuchKey", 404)
    listed = own.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [item["Key"] for item in listed["Contents"]] == ["hello.txt"]
    assert [item["Prefix"] for item in listed["CommonPrefixes"]] == ["reports/"]


def test_a_bucket_policy_has_a_say(client, practice, somebody):
    bucket = f"practice-reports-{practice.account}"
    owner, own = client("s3"), client("s3", somebody.key_id, somebody.secret)
    stranger = next(account for account in practice.accounts if account["Name"] == "Third party")
    other = client("s3", stranger["AccessKeyId"], stranger["SecretAccessKey"])
    assert refusal(owner.get_bucket_policy, Bucket=bucket)[0] == "NoSuchBucketPolicy"
    assert refusal(other.get_object, Bucket=bucket, Key="hello.txt")[0] == "AccessDenied"
    objects = f"arn:aws:s3:::{bucket}/*"
    lend = {"Effect": "Allow", "Principal": {"AWS": [somebody.arn, stranger["AccountId"]]}, "Action": "s3:GetObject", "Resource": objects}
    try:
        owner.put_bucket_policy(Bucket=bucket, Policy=policy(lend))
        own.get_object(Bucket=bucket, Key="hello.txt")
        other.get_object(Bucket=bucket, Key="hello.txt")
        owner.put_bucket_policy(Bucket=bucket, Policy=policy(lend, lend | {"Sid": "Closed", "Effect": "Deny", "Principal": "*"}))
        assert "explicit deny in a resource-based policy" in refusal(owner.get_object, Bucket=bucket, Key="hello.txt")[2]
        assert refusal(owner.put_bucket_policy, Bucket=bucket, Policy=policy(lend | {"Resource": "arn:aws:s3:::another/*"}))[0] == "MalformedPolicy"
        assert refusal(owner.put_bucket_policy, Bucket=bucket, Policy="{")[0] == "MalformedPolicy"
    finally:
        owner.delete_bucket_policy(Bucket=bucket)


def test_a_bucket_for_everybody_needs_no_signature(client, practice):
    bucket = f"practice-reports-{practice.account}"
    nobody = boto3.client("s3", region_name="us-east-1", endpoint_url=practice.endpoint, config=Config(signature_version=UNSIGNED))
    assert refusal(nobody.get_object, Bucket=bucket, Key="hello.txt") == ("AccessDenied", 403, "Access Denied")
    public = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    try:
        client("s3").put_bucket_policy(Bucket=bucket, Policy=policy(public))
        assert nobody.get_object(Bucket=bucket, Key="hello.txt")["Body"].read().startswith(b"This was read")
        assert refusal(nobody.list_objects_v2, Bucket=bucket)[:2] == ("AccessDenied", 403)
    finally:
        client("s3").delete_bucket_policy(Bucket=bucket)


def test_access_analyzer_finds_what_is_lent_to_the_outside(client, practice, somebody):
    analyzer = client("accessanalyzer")
    arn = analyzer.create_analyzer(analyzerName="outside", type="ACCOUNT")["arn"]
    try:
        assert refusal(analyzer.create_analyzer, analyzerName="outside", type="ACCOUNT")[:2] == ("ConflictException", 409)
        assert refusal(analyzer.create_analyzer, analyzerName="another", type="ACCOUNT")[:2] == ("ServiceQuotaExceededException", 402)
        assert refusal(analyzer.create_analyzer, analyzerName="1st", type="ACCOUNT")[:2] == ("ValidationException", 400)
        assert [one["name"] for one in analyzer.list_analyzers()["analyzers"]] == ["outside"]
        stranger = next(account for account in practice.accounts if account["Name"] == "Third party")
        inside = practice.role(f"inside-{uuid.uuid4().hex[:8]}", somebody.arn)
        lent = practice.role(f"lent-{uuid.uuid4().hex[:8]}", stranger["AccountId"], external_id="agreed-1")
        resources = {"resourceType": {"eq": ["AWS::IAM::Role"]}, "resource": {"eq": [inside, lent]}}
        [finding] = analyzer.list_findings(analyzerArn=arn, filter=resources)["findings"]
        assert finding["resource"] == lent
        assert finding["principal"] == {"AWS": stranger["AccountId"]}
        assert finding["condition"] == {"sts:ExternalId": "agreed-1"}
        assert finding["isPublic"] is False
        assert analyzer.get_finding(analyzerArn=arn, id=finding["id"])["finding"]["resource"] == lent
        assert [one["id"] for one in analyzer.list_findings_v2(analyzerArn=arn, filter=resources)["findings"]] == [finding["id"]]
        assert analyzer.get_finding_v2(analyzerArn=arn, id=finding["id"])["findingType"] == "ExternalAccess"
        assert refusal(client("accessanalyzer", somebody.key_id, somebody.secret).list_analyzers)[:2] == ("AccessDeniedException", 403)
    finally:
        analyzer.delete_analyzer(analyzerName="outside")
    assert refusal(analyzer.get_analyzer, analyzerName="outside")[:2] == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize(
    ("kind", "text", "codes"),
    [
        ("IDENTITY_POLICY", policy(allow("s3:GetObject", "arn:aws:s3:::b/*")), []),
        ("IDENTITY_POLICY", "{", ["JSON_SYNTAX_ERROR"]),
        ("IDENTITY_POLICY", policy({"Effect": "Allow", "Action": "s3:GetObject"}), ["MISSING_RESOURCE"]),
        ("IDENTITY_POLICY", policy({"Effect": "Allow", "Resource": "*"}), ["MISSING_ACTION"]),
        ("IDENTITY_POLICY", policy(allow("s3:Get*", "*") | {"Principal": "*"}), ["UNSUPPORTED_PRINCIPAL"]),
        ("IDENTITY_POLICY", policy(allow("iam:PassRole", "*")), ["PASS_ROLE_WITH_STAR_IN_RESOURCE"]),
        ("IDENTITY_POLICY", policy(allow("iam:*", "*")), ["PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE"]),
        ("RESOURCE_POLICY", policy(allow("s3:GetObject", "arn:aws:s3:::b/*")), ["MISSING_PRINCIPAL"]),
    ],
)
def test_validate_policy_names_what_is_wrong(client, kind, text, codes):
    findings = client("accessanalyzer").validate_policy(policyDocument=text, policyType=kind)["findings"]
    assert [finding["issueCode"] for finding in findings] == codes


def test_a_delay_that_is_none_is_a_wrong_argument(homes, practice):
    homes(practice.endpoint, practice.signin).stagedoor("practice", "--eventual", "soon").refused(2, "--eventual")
