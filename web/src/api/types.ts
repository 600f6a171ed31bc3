/** The API's bodies by their names, from the generated document. */
import type { components } from "./schema";

type Bodies = components["schemas"];

export type Access = Bodies["Access"];
export type BackstageParticipant = Bodies["BackstageParticipant"];
export type Caption = Bodies["Caption"];
export type Event = Bodies["Event"];
export type EventPreview = Bodies["EventPreview"];
export type Experience = Bodies["Experience"];
export type Invitation = Bodies["Invitation"];
export type Job = Bodies["Job"];
export type NewEvent = Bodies["NewEvent"];
export type NewInvitation = Bodies["NewInvitation"];
export type NewSession = Bodies["NewSession"];
export type NewUpload = Bodies["NewUpload"];
export type OrganiserSession = Bodies["OrganiserSession"];
export type Person = Bodies["Person"];
export type PersonRole = Bodies["PersonRole"];
export type Profile = Bodies["Profile"];
export type Programme = Bodies["Programme"];
export type Reception = Bodies["Reception"];
export type ReceptionSession = Bodies["ReceptionSession"];
export type ReceptionStage = Bodies["ReceptionStage"];
export type Replay = Bodies["Replay"];
export type ReplayState = Bodies["ReplayState"];
export type ReplaySummary = Bodies["ReplaySummary"];
export type RoomJoin = Bodies["RoomJoin"];
export type Session = Bodies["Session"];
export type SignInBody = Bodies["SignIn"];
export type Stage = Bodies["Stage"];
export type StageHealth = Bodies["StageHealth"];
export type StageState = Bodies["StageState"];
export type StageStatus = Bodies["StageStatus"];
export type Upload = Bodies["Upload"];
export type Watch = Bodies["Watch"];
