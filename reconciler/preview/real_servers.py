"""Servers that people run, as dialects: what they do otherwise than the official one.

Source: their own code and answers, as read and seen in November 2026. What a rehearsal on one
machine cannot show (a GPU's pace, a gateway's hidden retries) is left out.
"""

from __future__ import annotations

from reconciler.preview.dialect import Dialect, Place

_NO_DERIVATIONS: tuple[Place, ...] = ("remix", "edit", "extend")

REAL_SERVERS = {
    "litellm": Dialect(
        absent=("delete",),
        absent_status=405,
        ids="drifting",
        omitted=("prompt",),
        list_needs="custom_llm_provider",
        errors="nested",
        variants="ignored",
        retry_after_header="llm_provider-retry-after",
    ),
    "sglang": Dialect(
        absent=_NO_DERIVATIONS,
        ids="uuid",
        seconds="number",
        deleted="video",
        errors="detail",
        job_error="message",
        variants="refused",
    ),
    "vllm-omni": Dialect(
        absent=_NO_DERIVATIONS,
        multipart_only=True,
        progress="jumps",
        expires="absent",
        errors="detail",
        failed_as=500,
        variants="ignored",
    ),
    "fastvideo": Dialect(
        absent=_NO_DERIVATIONS,
        statuses={"in_progress": "queued"},
        envelope="bare",
        deleted="video",
        errors="detail",
        variants="ignored",
        serves_unfinished=True,
    ),
    "tensorrt-llm": Dialect(
        absent=_NO_DERIVATIONS,
        create_status=202,
        seconds="duration",
        progress="absent",
        envelope="bare",
        deleted="bare",
        errors="detail",
        job_error="text",
        variants="ignored",
        not_ready_status=400,
    ),
    "unsloth": Dialect(absent=_NO_DERIVATIONS, not_ready_status=400),
    "qvac": Dialect(
        absent=_NO_DERIVATIONS,
        refuses_json_delete=True,
        expires="year_9999",
        variants="absent",
        not_ready_status=409,
        not_ready_retry_after_s=2,
    ),
    "new-api": Dialect(
        absent=("list", "delete", "edit", "extend"),
        omitted=("expires_at", "remixed_from_video_id"),
        variants="ignored",
        not_ready_status=400,
    ),
    "bifrost": Dialect(absent=("edit", "extend"), list_needs="provider"),
    "gemini": Dialect(
        absent=("list", "delete", "content", *_NO_DERIVATIONS),
        statuses={"queued": "processing", "in_progress": "processing"},
        omitted=("prompt", "expires_at", "progress"),
        result_url=True,
    ),
}
