/** A link to hand on: the text, and one press to copy it. */
import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { t } from "@/i18n";
import { Button, type ButtonKind, type ButtonSize } from "./button";

export function CopyButton({ text, label, size = "sm", kind = "plain" }: { text: string; label: string; size?: ButtonSize; kind?: ButtonKind }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2500);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
    } catch {
      // No clipboard here (an insecure page): let the person copy it by hand.
      window.prompt(label, text);
    }
  };
  return (
    <Button size={size} kind={kind} onClick={() => void copy()} icon={copied ? <Check size={16} aria-hidden /> : <Copy size={16} aria-hidden />}>
      <span aria-live="polite">{copied ? t("common.copied") : label}</span>
    </Button>
  );
}

export function CopyLink({ url, label }: { url: string; label: string }) {
  return (
    <div className="copy-link">
      <code className="ellipsis">{url}</code>
      <CopyButton text={url} label={label} />
    </div>
  );
}
