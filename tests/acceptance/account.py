"""A whole account as one structure that can be compared: whatever IAM lists, as boto3 reads it.

`listing` has every ID and date that stays what it is while nobody changes anything. `shape` leaves out what differs between
two accounts in which the same was done: account IDs, unique IDs, dates, key IDs.
"""

import json

from botocore.exceptions import ClientError

# What an account behind that kind of endpoint cannot hold and is not asked. Whatever else does not answer has failed.
LACKS = {
    "practice": {"ListSSHPublicKeys", "ListServiceSpecificCredentials", "ListSigningCertificates"},
    "moto": {"ListServiceSpecificCredentials", "ListInstanceProfileTags"},
}
# They say who came by, not what is there; a policy that was changed and changed back keeps its later date.
MOVES = {"PasswordLastUsed", "RoleLastUsed", "UpdateDate", "IsAttachable", "ResponseMetadata"}
UNIQUE = {"UserId", "GroupId", "RoleId", "PolicyId", "InstanceProfileId", "AccessKeyId", "CreateDate", "UploadDate", "EnableDate", "SSHPublicKeyId", "CertificateId"}


class Reader:
    """IAM's lists and gets, each whole, for one account."""

    def __init__(self, cloud):
        self._iam, self._lacks = cloud.iam, LACKS[cloud.kind]
        self._operations = {name: method for method, name in cloud.iam.meta.method_to_api_mapping.items()}

    def _ask(self, operation, ask):
        if operation in self._lacks:
            return None
        try:
            return ask()
        except ClientError as error:
            # No password, no policy of that name any more: that is an answer.
            if error.response["Error"]["Code"] == "NoSuchEntity":
                return None
            raise

    def get(self, operation, field, **parameters):
        answer = self._ask(operation, lambda: getattr(self._iam, self._operations[operation])(**parameters))
        return None if answer is None else answer.get(field)

    def all(self, operation, field, **parameters):
        method = self._operations[operation]
        if self._iam.can_paginate(method):
            pages = self._ask(operation, lambda: list(self._iam.get_paginator(method).paginate(**parameters))) or []
        else:
            pages = [self._ask(operation, lambda: getattr(self._iam, method)(**parameters)) or {}]
        return [one for page in pages for one in page.get(field, [])]


def listing(cloud):
    """Users, groups, roles, policies with all versions, devices, instance profiles, providers, and what hangs on them."""
    read = Reader(cloud)
    found = {
        "users": {user["UserName"]: _user(read, user["UserName"]) for user in read.all("ListUsers", "Users")},
        "groups": {group["GroupName"]: _group(read, group["GroupName"]) for group in read.all("ListGroups", "Groups")},
        "roles": {role["RoleName"]: _role(read, role["RoleName"]) for role in read.all("ListRoles", "Roles")},
        "policies": {policy["PolicyName"]: _policy(read, policy["Arn"]) for policy in read.all("ListPolicies", "Policies", Scope="Local")},
        "devices": read.all("ListVirtualMFADevices", "VirtualMFADevices"),
        "instance profiles": {one["InstanceProfileName"]: _instance_profile(read, one["InstanceProfileName"]) for one in read.all("ListInstanceProfiles", "InstanceProfiles")},
        "saml": read.all("ListSAMLProviders", "SAMLProviderList"),
        "oidc": {one["Arn"]: _oidc(read, one["Arn"]) for one in read.all("ListOpenIDConnectProviders", "OpenIDConnectProviderList")},
        "aliases": read.all("ListAccountAliases", "AccountAliases"),
        "password policy": read.get("GetAccountPasswordPolicy", "PasswordPolicy"),
    }
    return _plain(found)


def shape(cloud):
    """The same without what differs between two accounts."""
    return _without(listing(cloud), UNIQUE, cloud.account)


def _inline(read, what, name):
    names = read.all(f"List{what}Policies", "PolicyNames", **{f"{what}Name": name})
    return {policy: read.get(f"Get{what}Policy", "PolicyDocument", **{f"{what}Name": name, "PolicyName": policy}) for policy in names}


def _attached(read, what, name):
    return sorted(policy["PolicyArn"] for policy in read.all(f"ListAttached{what}Policies", "AttachedPolicies", **{f"{what}Name": name}))


def _user(read, name):
    of = {"UserName": name}
    return {
        "itself": read.get("GetUser", "User", **of),
        "tags": read.all("ListUserTags", "Tags", **of),
        "groups": sorted(group["GroupName"] for group in read.all("ListGroupsForUser", "Groups", **of)),
        "inline": _inline(read, "User", name),
        "attached": _attached(read, "User", name),
        "keys": read.all("ListAccessKeys", "AccessKeyMetadata", **of),
        "devices": read.all("ListMFADevices", "MFADevices", **of),
        "password": read.get("GetLoginProfile", "LoginProfile", **of),
        "certificates": read.all("ListSigningCertificates", "Certificates", **of),
        "ssh keys": read.all("ListSSHPublicKeys", "SSHPublicKeys", **of),
        "service credentials": read.all("ListServiceSpecificCredentials", "ServiceSpecificCredentials", **of),
    }


def _group(read, name):
    members = read.all("GetGroup", "Users", GroupName=name)
    return {
        "itself": read.get("GetGroup", "Group", GroupName=name),
        "members": sorted(user["UserName"] for user in members),
        "inline": _inline(read, "Group", name),
        "attached": _attached(read, "Group", name),
    }


def _role(read, name):
    # With its trust policy, description, boundary and maximum session duration.
    return {
        "itself": read.get("GetRole", "Role", RoleName=name),
        "tags": read.all("ListRoleTags", "Tags", RoleName=name),
        "inline": _inline(read, "Role", name),
        "attached": _attached(read, "Role", name),
        "instance profiles": sorted(one["InstanceProfileName"] for one in read.all("ListInstanceProfilesForRole", "InstanceProfiles", RoleName=name)),
    }


def _policy(read, arn):
    versions = {one["VersionId"]: one["IsDefaultVersion"] for one in read.all("ListPolicyVersions", "Versions", PolicyArn=arn)}
    return {
        "itself": read.get("GetPolicy", "Policy", PolicyArn=arn),
        "tags": read.all("ListPolicyTags", "Tags", PolicyArn=arn),
        "versions": {version: read.get("GetPolicyVersion", "PolicyVersion", PolicyArn=arn, VersionId=version) for version in versions},
        "default": [version for version, default in versions.items() if default],
    }


def _instance_profile(read, name):
    return {
        "itself": read.get("GetInstanceProfile", "InstanceProfile", InstanceProfileName=name),
        "tags": read.all("ListInstanceProfileTags", "Tags", InstanceProfileName=name),
    }


def _oidc(read, arn):
    of = {"OpenIDConnectProviderArn": arn}
    return {
        "url": read.get("GetOpenIDConnectProvider", "Url", **of),
        "clients": read.get("GetOpenIDConnectProvider", "ClientIDList", **of),
        "tags": read.all("ListOpenIDConnectProviderTags", "Tags", **of),
    }


def _plain(value):
    """Without what moves by itself; dates as text; lists in an order of their own where IAM gives none."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in sorted(value.items()) if name not in MOVES}
    if isinstance(value, list):
        return sorted((_plain(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)


def _without(value, names, account):
    if isinstance(value, dict):
        return {name.replace(account, "ACCOUNT"): _without(one, names, account) for name, one in value.items() if name not in names}
    if isinstance(value, list):
        return _plain([_without(one, names, account) for one in value])
    return value.replace(account, "ACCOUNT") if isinstance(value, str) else value


def differences(one, other, at=""):
    """What differs, a line each: `users.dana.keys`."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for name in sorted({*one, *other}):
            found += differences(one.get(name), other.get(name), f"{at}.{name}".lstrip("."))
        return found
    return [] if one == other else [f"{at}: {json.dumps(one)[:300]} | {json.dumps(other)[:300]}"]


def assert_same(before, after, why):
    found = differences(before, after)
    assert not found, "\n".join([why, *found])
