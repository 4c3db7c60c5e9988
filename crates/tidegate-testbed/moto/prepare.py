"""Puts into moto what the test measures, by Amazon's own library.

A user with keys, a role that may be taken, and values of a metric. Prints the user's keys as JSON.
"""

import json
import sys
from datetime import datetime, timedelta, timezone

import boto3

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def client(service):
    return boto3.client(
        service,
        endpoint_url=sys.argv[1],
        region_name="eu-central-1",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
    )


# The server is told how many requests these are: it checks who asks only in those that follow.
iam = client("iam")
iam.create_user(UserName="controller")
keys = iam.create_access_key(UserName="controller")["AccessKey"]
iam.put_user_policy(
    UserName="controller", PolicyName="all", PolicyDocument=policy(EVERYTHING)
)
trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
iam.create_role(RoleName="measures", AssumeRolePolicyDocument=policy(trust))
iam.put_role_policy(
    RoleName="measures", PolicyName="all", PolicyDocument=policy(EVERYTHING)
)
now = datetime.now(timezone.utc)
client("cloudwatch").put_metric_data(
    Namespace="Shop",
    MetricData=[
        {
            "MetricName": "Errors",
            "Dimensions": [{"Name": "Service", "Value": service}],
            "Timestamp": now - timedelta(minutes=minutes),
            "Value": value,
        }
        for service, minutes, value in [
            ("canary", 2, 3.5),
            ("canary", 5, 5.0),
            ("stable", 2, 100.0),
        ]
    ],
)
print(json.dumps({"id": keys["AccessKeyId"], "secret": keys["SecretAccessKey"]}))
