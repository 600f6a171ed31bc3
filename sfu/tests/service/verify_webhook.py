"""Checks webhooks with LiveKit's own receiver: a JSON line each on standard input, the event's name on standard output."""

import json
import sys

from livekit.api import TokenVerifier, WebhookReceiver

key, secret = sys.argv[1:]
receiver = WebhookReceiver(TokenVerifier(key, secret))
for line in sys.stdin:
    webhook = json.loads(line)
    try:
        print(receiver.receive(webhook["body"], webhook["token"]).event)
    except Exception as error:
        print("refused:", error)
