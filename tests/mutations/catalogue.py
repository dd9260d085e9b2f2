"""What could be broken in the product, and the test that sees it: each invariant can fail."""

from dataclasses import dataclass

LOST = "tests/apply/test_apply_lost_answers.py"
JOURNAL = "tests/state/test_state_journal.py"
LEASE = "tests/state/test_state_lease.py"
MATCHING = "tests/plan/test_plan_lost_answers.py"
PART = "tests/plan/test_plan_part.py"
DEADLINES = "tests/plan/test_plan_deadlines.py"
CLIENT = "tests/remote/test_remote_videos"
TRUST = "tests/cli/test_trust.py"
WATCH = "tests/watch/test_watch_loop.py"


@dataclass(frozen=True, kw_only=True)
class Mutation:
    """One way to break the product; each old text stands in its file exactly once."""

    breaks: str  # the invariant of the design, or what it rests on
    file: str  # relative to the package
    edits: tuple[tuple[str, str], ...]  # old text, new text
    seen_by: str  # the test that must fail


MUTATIONS: dict[str, Mutation] = {
    "blind retry": Mutation(
        breaks="I1",
        file="apply/submit.py",
        edits=(
            (
                (
                    "        raise _lost(attempt, error.evidence, made=error.made,"
                    " purchase=purchase) from error\n"
                ),
                (
                    "        state.not_sent(attempt, error.evidence)\n"
                    "        raise NotSentError(error.message) from error\n"
                ),
            ),
        ),
        seen_by=f"{LOST}::test_a_job_whose_answer_was_lost_is_found_in_the_same_run",
    ),
    "journal after sending": Mutation(
        breaks="I1",
        file="apply/submit.py",
        edits=(
            ("        state.sending(attempt, watermark)\n", ""),
            (
                "        job = await call.send(begin_by_s=begin_by_s)\n",
                (
                    "        job = await call.send(begin_by_s=begin_by_s)\n"
                    "        state.sending(attempt, watermark)\n"
                ),
            ),
        ),
        seen_by=f"{LOST}::test_a_job_whose_answer_was_lost_is_found_in_the_same_run",
    ),
    "watermark ignored": Mutation(
        breaks="I1",
        file="plan/lost_answers.py",
        edits=(("return job.remote_id not in (attempt.watermark or ())", "return True"),),
        seen_by=f"{MATCHING}::test_what_was_listed_before_it_is_not_its_own",
    ),
    "settle time ignored": Mutation(
        breaks="I1",
        file="apply/settling.py",
        edits=(
            (
                "sought.due_s = began_s - ago_s + self._provider.profile.settle_s",
                "sought.due_s = began_s - ago_s",
            ),
        ),
        seen_by=f"{LOST}::test_a_job_that_shows_late_is_waited_for",
    ),
    "proof from a partial list": Mutation(
        breaks="I1",
        file="apply/settling.py",
        edits=(('self._provider.profile.list == "complete"', "True"),),
        seen_by=f"{LOST}::test_without_a_complete_list_nothing_is_disproved",
    ),
    "doubt ignored": Mutation(
        breaks="I1",
        file="plan/lost_answers.py",
        edits=(("            doubtful.add(attempt.id)\n", "            pass\n"),),
        seen_by=f"{MATCHING}::test_a_job_that_may_be_its_own_proves_nothing_either_way",
    ),
    "an unreadable success disproved": Mutation(
        breaks="I1",
        file="state/journal.py",
        edits=(("    if read(transaction, attempt).made:\n", "    if False:\n"),),
        seen_by=f"{JOURNAL}::test_what_certainly_made_a_job_is_never_disproved",
    ),
    "indistinct requests together": Mutation(
        breaks="I1",
        file="apply/gate.py",
        edits=(
            (
                "            other != kin and inside",
                "            False and other != kin and inside",
            ),
        ),
        seen_by=f"{LOST}::test_requests_that_only_a_reference_tells_apart_are_never_out_together",
    ),
    "indistinct requests of two runs": Mutation(
        breaks="I1",
        file="state/journal.py",
        edits=(("    if watermark is not None:\n", "    if False:\n"),),
        seen_by=f"{LOST}::test_while_one_is_unresolved_what_could_be_taken_for_it_is_not_bought",
    ),
    "no adoption": Mutation(
        breaks="I1",
        file="plan/adoption.py",
        edits=(('provider.account_use != "exclusive"', "True"),),
        seen_by=f"{LOST}::test_losing_the_state_buys_nothing_again_where_the_account_is_ones_own",
    ),
    "adoption of what could be another's": Mutation(
        breaks="I1",
        file="plan/adoption.py",
        edits=(
            (
                "        is_alone = len(self._kin_of_echo[",
                "        is_alone = True or len(self._kin_of_echo[",
            ),
        ),
        seen_by="tests/plan/test_plan_adoption.py"
        "::test_a_job_that_could_be_of_another_known_recipe_is_not_taken",
    ),
    "adoption of what could be an edit": Mutation(
        breaks="I1",
        file="plan/adoption.py",
        edits=(("and self._may_be_derived(declaration))", "and False)"),),
        seen_by="tests/plan/test_plan_derivations.py"
        "::test_a_job_that_may_be_an_edit_is_taken_for_no_other_video",
    ),
    "an edit's answer taken for another's": Mutation(
        breaks="I1",
        file="domain/echo.py",
        edits=(
            ("        unsure = {*self.blind, *other.blind}\n", "        unsure = set[str]()\n"),
        ),
        seen_by="tests/apply/test_apply_derivations.py"
        "::test_what_may_be_taken_for_an_edit_waits_until_that_is_told",
    ),
    "a damaged video sent along": Mutation(
        breaks="I2",
        file="assets/store.py",
        edits=(("if hashlib.sha256(found).hexdigest() == asset.sha256:", "if True:"),),
        seen_by="tests/apply/test_apply_derivations.py"
        "::test_nothing_is_bought_with_a_damaged_video",
    ),
    "budget ignored": Mutation(
        breaks="I2",
        file="state/spending.py",
        edits=(
            (
                "        if already.against(cap) + intent.cost_usd > cap.usd:\n",
                "        if False:\n",
            ),
        ),
        seen_by="tests/state/test_state_budget.py"
        "::test_what_a_cap_just_holds_is_reserved_and_a_micro_dollar_more_is_not",
    ),
    "late twins not booked": Mutation(
        breaks="I2",
        file="state/jobs.py",
        edits=(("        ledger.take_twin(transaction, attempt, generation)\n", "        pass\n"),),
        seen_by=f"{LOST}::test_a_job_that_shows_after_the_settle_time_is_told_booked_and_kept",
    ),
    "worst case without the second purchase": Mutation(
        breaks="I4",
        file="plan/price.py",
        edits=(('.on_ambiguous == "retry"', '.on_ambiguous == "never"'),),
        seen_by=f"{LOST}::test_retry_buys_again_what_nobody_can_tell_and_books_the_first_as_wasted",
    ),
    "forgotten id": Mutation(
        breaks="I5",
        file="apply/submit.py",
        edits=(("            if tries >= _RECORD_TRIES:\n", "            if tries:\n"),),
        seen_by="tests/apply/test_apply_paying.py"
        "::test_an_id_that_cannot_be_written_down_at_once_is_not_given_up",
    ),
    "late answer refused": Mutation(
        breaks="I5",
        file="state/writing.py",
        edits=(
            (
                (
                    "        with self._unfenced() as transaction:\n"
                    "            holds = lease.try_to_keep(transaction)\n"
                ),
                "        with self._transaction() as transaction:\n            holds = True\n",
            ),
        ),
        seen_by=f"{LEASE}"
        "::test_a_paid_id_is_taken_after_the_lease_was_lost_and_the_address_is_let_be",
    ),
    "lease not checked": Mutation(
        breaks="one writer",
        file="state/writing.py",
        edits=(("            lease.keep(transaction)\n", ""),),
        seen_by=f"{LEASE}::test_who_lost_the_lease_can_do_nothing_and_changes_nothing",
    ),
    "expiry ignored": Mutation(
        breaks="I6",
        file="apply/download.py",
        edits=(("        return generation.expires_at.timestamp()\n", "        return _NEVER\n"),),
        seen_by="tests/apply/test_apply_downloads.py::test_what_expires_first_is_downloaded_first",
    ),
    "unverified bytes published": Mutation(
        breaks="I7",
        file="assets/partial.py",
        edits=(("        check_fits(media, self._variant)\n", ""),),
        seen_by="tests/assets/test_assets_partial.py::test_an_mp4_for_a_thumbnail_is_told",
    ),
    "an interrupted replacement bought again": Mutation(
        breaks="I1",
        file="plan/recipes.py",
        edits=(
            (
                "newest is not None and self._is_in_the_making(newest.digest, digests, addresses):",
                "newest is None:",
            ),
        ),
        seen_by="tests/apply/test_apply_editions.py"
        "::test_an_interrupted_one_is_not_bought_twice_by_saying_it_again",
    ),
    "a published file that nobody knows": Mutation(
        breaks="section 7: a file is only ever touched by who knows whose it is",
        file="apply/publishing.py",
        edits=(("            self._begin(address, asset.variant, path, asset.sha256)\n", ""),),
        seen_by="tests/apply/test_apply_crashes.py"
        "::test_a_power_cut_and_then_an_edit_leave_no_file_that_nobody_knows",
    ),
    "delete before verify": Mutation(
        breaks="I7",
        file="apply/work.py",
        edits=(
            (
                "        if has_video and not await self._is_verified(generation):\n",
                "        if False:\n",
            ),
        ),
        seen_by="tests/apply/test_apply_letting_go.py"
        "::test_a_stored_video_is_read_again_before_its_job_is_deleted",
    ),
    "another's job deleted": Mutation(
        breaks="I7",
        file="plan/letting_go.py",
        edits=(("    if not generation.is_ours:\n", "    if False:\n"),),
        seen_by="tests/plan/test_plan_adoption.py::test_a_job_that_may_be_anothers_is_released",
    ),
    "a job deleted that its server calls gone": Mutation(
        breaks="I7",
        file="plan/letting_go.py",
        edits=(
            (
                "    if index.is_lost(generation) and not index.is_expired(generation):\n",
                "    if False:\n",
            ),
        ),
        seen_by="tests/apply/test_apply_letting_go.py"
        "::test_a_job_that_its_server_calls_gone_is_never_deleted_there",
    ),
    "what goes left behind where its successor is skipped": Mutation(
        breaks="I6",
        file="apply/work.py",
        edits=(("                await self._bring_in_what_goes()\n", ""),),
        seen_by="tests/apply/test_apply_letting_go.py"
        "::test_what_goes_is_stored_though_its_successor_is_not_even_begun",
    ),
    "another's job deleted after its download": Mutation(
        breaks="I7",
        file="apply/work.py",
        edits=(("        if not generation.is_ours:\n", "        if False:\n"),),
        seen_by="tests/apply/test_apply_letting_go.py"
        "::test_what_may_be_anothers_is_not_deleted_after_its_download",
    ),
    "another's awaited job adopted": Mutation(
        breaks="I1",
        file="apply/work.py",
        edits=(("        self._refuse_to_adopt_anothers(step)\n", ""),),
        seen_by="tests/apply/test_apply_paying.py"
        "::test_what_another_workspace_is_buying_is_not_adopted_either",
    ),
    "a job deleted that was forgotten": Mutation(
        breaks="I7",
        file="plan/blocks.py",
        edits=(("held_elsewhere=recorded.held_elsewhere | dropped.keys()", "is_new=False"),),
        seen_by="tests/plan/test_plan_blocks.py"
        "::test_a_job_that_is_forgotten_is_left_alone_by_who_shares_it",
    ),
    "an imported job taken for one's own": Mutation(
        breaks="I7",
        file="apply/work.py",
        edits=((" and not step.named\n", "\n"),),
        seen_by="tests/apply/test_apply_blocks.py::test_a_named_job_is_taken_and_is_never_deleted",
    ),
    "a block carried out over what is recorded": Mutation(
        breaks="I7",
        file="plan/blocks.py",
        edits=(("if held is not None and not _is_empty(held):", "if False:"),),
        seen_by="tests/plan/test_plan_blocks.py"
        "::test_what_moves_onto_what_is_recorded_contradicts_it_and_nothing_is_deleted",
    ),
    "bytes moved in before their sidecar": Mutation(
        breaks="I1",
        file="apply/download.py",
        edits=(("write_sidecar(sidecar_of(_with(asset, generation)))", "is_whole(asset)"),),
        seen_by="tests/apply/test_apply_crashes.py"
        "::test_a_video_that_its_sidecar_tells_of_outlives_its_job",
    ),
    "bought in one's own account unseen": Mutation(
        breaks="I1",
        file="apply/journey.py",
        edits=(("        if why is not None:\n", "        if False:\n"),),
        seen_by=f"{LOST}::test_what_could_not_be_seen_to_be_adopted_is_not_bought",
    ),
    "a database that is gone written on": Mutation(
        breaks="I1",
        file="state/place.py",
        edits=(("    _in_its_place(engine, file)\n", ""),),
        seen_by="tests/state/test_state_damage.py"
        "::test_a_run_whose_database_is_gone_from_its_place_writes_nothing_more",
    ),
    "settle time by the clock on the wall": Mutation(
        breaks="I1",
        file="apply/settling.py",
        edits=(
            (
                "        began_s = self._clock.uptime_s()\n",
                "        began_s = self._clock.now().timestamp()\n",
            ),
        ),
        seen_by=f"{LOST}::test_a_clock_set_forward_does_not_end_the_settle_time",
    ),
    "another's id taken for an answer": Mutation(
        breaks="I1",
        file="apply/submit.py",
        edits=(("made=True, purchase=purchase", "made=False, purchase=purchase"),),
        seen_by=f"{LOST}::test_an_answer_with_the_id_of_another_job_is_no_answer",
    ),
    "a dead holder vouches for the one before": Mutation(
        breaks="I1",
        file="state/journal.py",
        edits=(
            ("        is_over = is_of_last and not may_live\n", "        is_over = not may_live\n"),
        ),
        seen_by=f"{LEASE}::test_a_request_of_a_holder_before_the_last_may_be_under_way_still",
    ),
    "a program's paid request sent again": Mutation(
        breaks="I1",
        file="remote/videos.py",
        edits=(
            (
                "        return video_of(await call.send(begin_by_s=inf))\n",
                (
                    "        try:\n"
                    "            return video_of(await call.send(begin_by_s=inf))\n"
                    "        except Exception:\n"
                    "            again = await self._door.prepare(post)\n"
                    "            return video_of(await again.send(begin_by_s=inf))\n"
                ),
            ),
        ),
        seen_by=f"{CLIENT}_paying.py::test_a_paid_request_is_sent_once_whatever_comes_of_it",
    ),
    "redirects followed": Mutation(
        breaks="I1",
        file="remote/transport.py",
        edits=(("follow_redirects=False", "follow_redirects=True"),),
        seen_by=f"{CLIENT}_paying.py::test_a_paid_request_is_sent_once_whatever_comes_of_it",
    ),
    "a delete repeated blindly": Mutation(
        breaks="I7",
        file="remote/videos.py",
        edits=(("may_repeat=lambda: was_certainly_not_done", "may_repeat=lambda: True"),),
        seen_by=f"{CLIENT}_reading.py::test_a_delete_that_may_have_arrived_is_not_repeated",
    ),
    "the job of what is not selected deleted": Mutation(
        breaks="I7",
        file="plan/part.py",
        edits=(("_sparing_holders(taken, world)", "taken"),),
        seen_by=f"{PART}::test_a_job_that_an_address_left_alone_holds_is_not_deleted",
    ),
    "the file of what is not selected written over": Mutation(
        breaks="I7",
        file="plan/part.py",
        edits=(("        in_the_way |= conflicts\n", "        break\n"),),
        seen_by=f"{PART}::test_no_file_is_written_over_that_a_video_left_alone_has",
    ),
    "what is excluded dragged in": Mutation(
        breaks="I7",
        file="plan/part.py",
        edits=(("        if action.address in excluded:\n", "        if not actions:\n"),),
        seen_by=f"{PART}::test_what_needs_something_excluded_is_held_back",
    ),
    "trusted whatever the URL": Mutation(
        breaks="trust",
        file="cli/trust.py",
        edits=(("            provider.base_url,\n", ""),),
        seen_by=f"{TRUST}::test_another_url_or_key_source_is_asked_anew",
    ),
    "a changed script trusted": Mutation(
        breaks="trust",
        file="cli/trust.py",
        edits=(
            ("return hashlib.file_digest(file, ", "return str(file) or hashlib.file_digest(file, "),
        ),
        seen_by=f"{TRUST}::test_a_script_of_the_project_is_asked_about_anew_once_it_changes",
    ),
    "a checkout that trusts itself": Mutation(
        breaks="trust",
        file="cli/consents.py",
        edits=(("if folder.resolve().is_relative_to(self._project):", "if not folder:"),),
        seen_by=f"{TRUST}::test_nothing_in_a_checkout_grants_trust",
    ),
    "a retry counted by two runs": Mutation(
        breaks="I1",
        file="state/journal.py",
        edits=(("    _refuse_after_another_failure(transaction, intent)\n", ""),),
        seen_by=f"{JOURNAL}::test_a_failure_that_a_plan_did_not_count_refuses_its_purchase",
    ),
    "retries without end": Mutation(
        breaks="I4",
        file="apply/work.py",
        edits=(("        if not bought.retries:\n", "        if bought.failures > 50:\n"),),
        seen_by="tests/apply/test_apply_retries.py::test_retries_come_to_an_end_and_stay_there",
    ),
    "a job that somebody waits for deleted": Mutation(
        breaks="I1",
        file="plan/usage.py",
        edits=(("            return (*stays, awaited)\n", "            return stays\n"),),
        seen_by=f"{DEADLINES}::test_what_an_address_waits_for_is_in_use_though_it_does_not_hold_it",
    ),
    "rows forgotten that a narrow window wrapped": Mutation(
        breaks="progress: nothing of the rows stays behind",
        file="cli/progress/pane.py",
        edits=(
            (
                (
                    "        rows = sum(max(-(-line.cell_len // width), 1)"
                    " for line in self._shown or ())\n"
                ),
                "        rows = len(self._shown or ())\n",
            ),
        ),
        seen_by="tests/cli/test_views.py::"
        "test_a_window_that_is_resized_keeps_nothing_of_the_rows[size0]",
    ),
    "freed money still held": Mutation(
        breaks="progress: held and spent are as the ledger says",
        file="apply/purse.py",
        edits=(("        self._held.pop(attempt, None)\n", "        pass\n"),),
        seen_by="tests/apply/test_apply_telling.py::test_a_refusal_frees_what_was_held",
    ),
    "an intermediate edit bought": Mutation(
        breaks="watch: what is saved over at once is never bought",
        file="watch/loop.py",
        edits=(("self._clock.uptime_s() + QUIET_S", "0.0"),),
        seen_by=f"{WATCH}::test_an_edit_that_is_saved_over_within_the_quiet_time_is_never_bought",
    ),
    "a yes for ever": Mutation(
        breaks="watch: a yes is good for one purchase",
        file="watch/loop.py",
        edits=(("items() if deed in paid}", "items()}"),),
        seen_by=f"{WATCH}::test_a_yes_is_good_for_one_purchase",
    ),
    "a run that outlives its specs": Mutation(
        breaks="watch: a create that is not sent yet is dropped",
        file="watch/loop.py",
        edits=(
            (
                "(self._run.facts, self._run.approved) != (seen.reading.facts, approved)",
                "self._run.approved != approved",
            ),
        ),
        seen_by=f"{WATCH}::test_a_create_that_is_not_sent_yet_is_dropped",
    ),
    "beyond what is left": Mutation(
        breaks="watch: --max-cost holds for the whole watch",
        file="watch/deciding.py",
        edits=(("    if worst_usd <= left_usd:\n", "    if worst_usd:\n"),),
        seen_by="tests/watch/test_watch_deciding.py::"
        "test_what_begins_was_allowed_and_stays_below_what_is_left",
    ),
    "what is let go left to expire": Mutation(
        breaks="I6",
        file="plan/make.py",
        edits=(("        spares=(*plan.spares, *brought_in),\n", ""),),
        seen_by=f"{WATCH}::test_a_create_that_was_sent_is_kept_though_nobody_allows_its_successor",
    ),
}
