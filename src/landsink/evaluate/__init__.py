"""Scores of a prediction against observations, always beside empirical baselines."""

import lazy_loader

# Lazy, since the regression baseline pulls in scikit-learn, which `import landsink` must not wait for.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "align": ["align", "calendar"],
        "benchmarks": ["baselines", "regression", "seasonal_cycle"],
        "score": [
            "bias",
            "correlation",
            "coverage90",
            "nse",
            "r2",
            "rmse",
            "seasonal_correlation",
            "seasonal_rmse",
            "why_not",
        ],
        "table": ["no_scores", "score_table"],
        "goals": ["GoalResult", "check_goals"],
        "scoreboard": ["page", "terminal"],
    },
)
