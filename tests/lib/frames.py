"""The corpus of requests that real clients sent (tests/seeds/frames): lines "topic NAME ID", the ids that the frames carry, and
"frame HEX", each under a comment with the client and the API."""
from broker import ROOT

PATH = ROOT + "/tests/seeds/frames"


def read():
    """(frames without their length, {name: id})"""
    frames, topics = [], {}
    with open(PATH) as f:
        for line in f:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "frame":
                frames.append(bytes.fromhex(rest))
            elif word == "topic":
                name, _, topic_id = rest.rpartition(" ")
                topics[name] = bytes.fromhex(topic_id)
    return frames, topics
