/** Captions of one replay: which there are, and adding a file. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Trash2 } from "lucide-react";
import type { FormEvent } from "react";
import { t } from "@/i18n";
import { addCaptions, deleteCaptions, listCaptions } from "@/api/organiser";
import { queryClient } from "@/api/query-client";
import type { Caption, ReplaySummary } from "@/api/types";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { SelectField, TextField } from "@/ui/field";
import { ProblemNotice } from "@/ui/problem";
import { useToast } from "@/ui/toast";

/** Languages of events' captions, by their own names; the list is a help, the server takes any BCP 47 tag. */
const LANGUAGES = ["en", "de", "es", "fr", "it", "nl", "pl", "pt-BR", "sv", "tr", "uk", "ar", "hi", "ja", "ko", "zh-Hans"] as const;

function nameOf(language: string): string {
  return new Intl.DisplayNames([language], { type: "language" }).of(language) ?? language;
}

export function Captions({ replay, open, onClose }: { replay: ReplaySummary; open: boolean; onClose: () => void }) {
  const toast = useToast();
  const key = ["captions", replay.id];
  const captions = useQuery({ queryKey: key, queryFn: () => listCaptions(replay.id), enabled: open });
  const add = useMutation({
    mutationFn: async (form: FormData) => {
      const language = String(form.get("language"));
      const file = form.get("file");
      await addCaptions(replay.id, language, nameOf(language), file instanceof File ? await file.text() : "");
    },
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: key });
      toast(t("organiser.replays.captionsAdded"));
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    add.mutate(new FormData(event.currentTarget));
  };
  const items = captions.data?.items ?? [];
  return (
    <Dialog open={open} onClose={onClose} title={t("organiser.replays.captions")} text={t("organiser.replays.captionsText")}>
      <ul className="divided form-dialog">
        {items.map((caption) => (
          <CaptionRow key={caption.id} replayId={replay.id} caption={caption} />
        ))}
        {captions.isSuccess && items.length === 0 && <li className="muted small">{t("organiser.replays.noCaptions")}</li>}
      </ul>
      <form className="col form-dialog" onSubmit={submit}>
        <SelectField label={t("organiser.replays.language")} name="language" options={LANGUAGES.map((language) => ({ value: language, label: nameOf(language) }))} />
        <TextField label={t("organiser.replays.file")} name="file" type="file" accept=".vtt,text/vtt" required />
        <ProblemNotice error={add.error} />
        <div className="dialog-actions">
          <Button onClick={onClose}>{t("organiser.people.done")}</Button>
          <Button kind="primary" type="submit" busy={add.isPending}>
            {t("organiser.replays.send")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function CaptionRow({ replayId, caption }: { replayId: string; caption: Caption }) {
  const remove = useMutation({
    mutationFn: () => deleteCaptions(replayId, caption.id),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ["captions", replayId] }),
  });
  return (
    <li className="row">
      <span className="grow">{caption.label}</span>
      <span className="tiny">{t(`organiser.replays.state_${caption.state}`)}</span>
      <Button kind="ghost" size="sm" className="icon-only" busy={remove.isPending} aria-label={t("common.delete")} onClick={() => remove.mutate()} icon={<Trash2 size={16} aria-hidden />} />
    </li>
  );
}
