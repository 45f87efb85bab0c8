"""All that is fuzzed, by name."""

import chains
import pictures
import words

TARGETS = {target.name: target for room in (pictures, chains, words) for target in room.targets()}
