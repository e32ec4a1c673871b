"""The GraphQL queries of flyctl's commands, word for word as fly-go v0.9.2 sends them."""

from typing import Any

IMAGE = """
    query ($appName: String!, $imageRef: String!) {
        app(name: $appName) {
            id
            image(ref: $imageRef) { id digest ref compressedSize: compressedSizeFull manifest }
        }
    }
"""
BLUEGREEN = """
    query ($appName: String!) { canPerformBluegreenDeployment(name: $appName) }
"""
EGRESS = """
    query ($appName: String!) {
        app(name: $appName) {
            egressIpAddresses { nodes { id ip version region updatedAt } }
        }
    }
"""
COMPACT = """
    query ($appName: String!) {
        appcompact:app(name: $appName) {
            id internalNumericId name hostname cnameTarget deployed network status appUrl
            platformVersion
            organization { id internalNumericId slug paidPlan }
            postgresAppRole: role { name }
        }
    }
"""
CURRENT = """
    query ($appName: String!) {
        app(name:$appName) { currentRelease:currentReleaseUnprocessed { version } }
    }
"""
DEFINITION = """
    query FlyctlConfigCurrentRelease ($appName: String!) {
        app(name: $appName) { currentReleaseUnprocessed { configDefinition } }
    }
"""
RELEASES = """
    query($appName: String!, $limit: Int!) {
        app(name: $appName) {
            releases: releasesUnprocessed(first: $limit) {
                nodes {
                    id version description reason status imageRef stable
                    user { id email name }
                    createdAt
                }
            }
        }
    }
"""
ADDRESSES = """
    query ($appName: String!) {
        app(name: $appName) {
            ipAddresses {
                nodes {
                    id address type region createdAt
                    network { name organization { slug } }
                    serviceName
                }
            }
            sharedIpAddress
        }
    }
"""
LATEST_IMAGE = """
    query($image: String!, $flyVersion: String) {
        latestImageDetails(image: $image, flyVersion: $flyVersion) {
            registry repository tag version digest
        }
    }
"""
WIREGUARD = """
    mutation($input: ValidateWireGuardPeersInput!) {
      validateWireGuardPeers(input: $input) { invalidPeerIps }
    }
"""


def query(text: str, operation: str | None = None, **variables: Any) -> dict[str, Any]:
    """Make the body of a request; most of flyctl's queries have no operation name."""
    body: dict[str, Any] = {"query": text, "variables": {"appName": "gw", **variables}}
    return {**body, "operationName": operation} if operation else body
