"""What sampling by priority should give, by exact probabilities, and how far from it is too far."""

import itertools
from collections import Counter

# The chi-square that 1 of 1,000 samples exceeds, by the degrees of freedom.
CRITICAL = {1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47, 5: 20.52, 9: 27.88, 14: 36.12}


def probabilities_of_sets(weights, n):
    """The exact probability of every set of `n` indices drawn one after another by the weights that are left.

    An order's probability is the product of the shares that its indices have of what is left; a set's is the
    sum over its orders.
    """
    probabilities = Counter()
    for order in itertools.permutations(range(len(weights)), n):
        left, probability = sum(weights), 1.0
        for index in order:
            probability *= weights[index] / left
            left -= weights[index]
        probabilities[tuple(sorted(order))] += probability
    return dict(probabilities)


def chi_square(counts, probabilities):
    """The statistic of counts beside the probabilities of the same keys."""
    draws = sum(counts.values())
    assert set(counts) <= set(probabilities), "what cannot be drawn was drawn"
    return sum((counts[key] - draws * p) ** 2 / (draws * p) for key, p in probabilities.items())
