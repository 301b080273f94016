"""The pure decisions of pricing: what a card may say, what a period costs, what a quote promises."""
